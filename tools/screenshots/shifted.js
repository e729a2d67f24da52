// Times are told as of the same day and hour at every run, in words and on the axes of charts.

(() => {
  const Format = Intl.DateTimeFormat;
  Intl.DateTimeFormat = class extends Format {
    get format() {
      const told = super.format;
      return (at) => told(Number(at) + SHIFT);
    }
  };
})();
