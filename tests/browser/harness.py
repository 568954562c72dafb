"""A bare page around explorables: the loader, their state, and nothing of the theme."""

from __future__ import annotations

import json
from pathlib import Path

from ipywidgets import Widget
from ipywidgets.embed import dependency_state, embed_data

LOADER = Path(__file__).parents[2] / "_theme" / "signal_theme" / "static" / "static-widgets.js"
TYPE = "application/vnd.jupyter.widget-"
STYLE = """
  body { font: 18px/1.5 Georgia, serif; margin: 1rem auto; max-width: 42rem; padding: 0 16px;
         background: #fffefa; color: #23211d; --pst-color-text-base: #23211d;
         --pst-color-text-muted: #6a655b; --pst-color-background: #fffefa; }
  html[data-theme=dark] body { background: #191815; color: #e9e5da; --pst-color-text-base: #e9e5da;
         --pst-color-text-muted: #a9a396; --pst-color-background: #191815; }
  @media (prefers-color-scheme: dark) { html { background: #191815; } }
"""


def page_with(*views: Widget, scripts: str = "") -> str:
    """The HTML of a page that shows these views, mounted by the book's static loader."""
    data = embed_data(views=views, state=dependency_state(views, drop_defaults=False))
    state = json.dumps(data["manager_state"]).replace("</", "<\\/")
    places = "\n".join(
        f'<div class="explorable-place"><script type="{TYPE}view+json">{json.dumps(spec)}</script></div>'
        for spec in data["view_specs"]
    )
    dark = "matchMedia('(prefers-color-scheme: dark)').matches"
    theme = f"document.documentElement.dataset.theme = {dark} ? 'dark' : 'light'"
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>Explorables</title>"
        f"<meta name=viewport content='width=device-width'><style>{STYLE}</style><script>{theme}</script>"
        f"{scripts}</head><body><main><h1>Explorables</h1><h2>One</h2><h3>Page</h3>\n{places}</main>"
        f'<script type="{TYPE}state+json">{state}</script>'
        f"<script>{LOADER.read_text('utf-8')}</script></body></html>"
    )
