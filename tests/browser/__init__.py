"""The pages in a real browser. Needs Chromium and Playwright: `make test-browser`."""
