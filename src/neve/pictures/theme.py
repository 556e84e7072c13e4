"""The colours of a picture, for light and for dark surroundings: what is drawn only names a class.

A picture has a ground of its own, so that it can be read wherever it lies, also where the page and the reader's system do not
agree on light or dark.
"""

# class: (property, light, dark)
_COLOURS = {
    "ground": ("fill", "#ffffff", "#0d1117"),
    "edge": ("stroke", "#d0d7de", "#30363d"),
    "ink": ("fill", "#1f2328", "#e6edf3"),
    "dim": ("fill", "#59636e", "#9198a1"),
    "line": ("stroke", "#c4ccd4", "#3d444d"),
    "grid": ("stroke", "#e6eaef", "#21262d"),
    "box": ("fill", "#f6f8fa", "#151b23"),
    "arrow": ("stroke", "#1f2328", "#d1d7e0"),
    "tip": ("fill", "#1f2328", "#d1d7e0"),
    "reply": ("stroke", "#59636e", "#9198a1"),
    "replytip": ("fill", "#59636e", "#9198a1"),
    "leak": ("stroke", "#d1570a", "#f0883e"),
    "leaktip": ("fill", "#d1570a", "#f0883e"),
    "leakink": ("fill", "#953800", "#ffb77c"),
    "leakbox": ("fill", "#fff1e5", "#341a04"),
    "bad": ("stroke", "#cf222e", "#f85149"),
    "badtip": ("fill", "#cf222e", "#f85149"),
    "badink": ("fill", "#a40e26", "#ff9d96"),
    "badbox": ("fill", "#ffebe9", "#3c0c0f"),
    "initbar": ("fill", "#d8c7f7", "#553098"),
    "initedge": ("stroke", "#8250df", "#a371f7"),
    "initink": ("fill", "#6639ba", "#c8a9ff"),
    "initbox": ("fill", "#f4eeff", "#231440"),
    "runbar": ("fill", "#b6d7ff", "#1b4b8f"),
    "runedge": ("stroke", "#2f6fd0", "#58a6ff"),
    "runink": ("fill", "#0a3069", "#cae3ff"),
    "badbar": ("fill", "#ffc1ba", "#8e1519"),
    "extbar": ("fill", "#b3e6dd", "#0f5a4e"),
    "extedge": ("stroke", "#1b8a77", "#3fbfa8"),
    "icebar": ("fill", "#e3e8ee", "#262c36"),
    "icelines": ("stroke", "#aab4be", "#59636e"),
    "iceink": ("fill", "#59636e", "#9198a1"),
    "leakbar": ("fill", "#ffcfa3", "#8a4513"),
}

FONT = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'DejaVu Sans',Ubuntu,Arial,sans-serif"
_ALWAYS = (
    f"text{{font-family:{FONT};font-size:12px}}"
    ".b{font-weight:600}.s{font-size:10.5px}.h{font-size:16px;font-weight:600}"
    ".arrow,.reply,.leak,.bad,.icelines{fill:none;stroke-width:1.4}"
    ".line{stroke-width:1}.reply{stroke-dasharray:none}.d{stroke-dasharray:5 4}.thread{stroke-width:2}"
    ".w{stroke-width:1}"
)


def style(used: set[str]) -> str:
    """The style sheet for these classes."""
    colours = {name: each for name, each in _COLOURS.items() if name in used}
    light = "".join(f".{name}{{{kind}:{colour}}}" for name, (kind, colour, _) in colours.items())
    dark = "".join(f".{name}{{{kind}:{colour}}}" for name, (kind, _, colour) in colours.items())
    return f"{_ALWAYS}{light}@media(prefers-color-scheme:dark){{{dark}}}"


def classes() -> frozenset[str]:
    """Every class that has a colour."""
    return frozenset(_COLOURS)
