"""Chromium without a window, as far as the tests of mails need it."""

from __future__ import annotations

import html
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

BROWSER: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-extensions"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)
SCHEMES: Final = {"light": "1", "dark": "0"}  # Blink's PreferredColorScheme

MEASURE: Final = """
function channel(v) { v /= 255; return v <= 0.03928 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4); }
function parsed(text) { var m = text.match(/[0-9.]+/g).map(Number); return m.length < 4 ? m.concat([1]) : m; }
function light(c) { return 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]); }
function behind(view, element) {
  for (var e = element; e; e = e.parentElement) {
    var c = parsed(view.getComputedStyle(e).backgroundColor);
    if (c[3] === 1) return c;
  }
  return null;
}
function measured(frame) {
  var view = frame.contentWindow, doc = frame.contentDocument, worst = 99, where = "", unknown = 0, texts = 0;
  var walker = doc.createTreeWalker(doc.body, NodeFilter.SHOW_TEXT), node;
  while ((node = walker.nextNode())) {
    var element = node.parentElement, style = view.getComputedStyle(element);
    if (!node.data.trim() || element.tagName === "STYLE" || !element.getClientRects().length) continue;
    texts += 1;
    var back = behind(view, element);
    if (!back) { unknown += 1; continue; }
    var a = light(parsed(style.color)), b = light(back);
    var ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst) { worst = ratio; where = node.data.trim().slice(0, 40); }
  }
  var beyond = Array.from(doc.body.querySelectorAll("*")).filter(function (e) {
    return e.getBoundingClientRect().right > view.innerWidth + 0.5;
  }).length;
  return {width: view.innerWidth, scroll: doc.documentElement.scrollWidth, beyond: beyond, contrast: worst,
          where: where, unknown: unknown, texts: texts, back: view.getComputedStyle(doc.body).backgroundColor};
}
window.onload = function () {
  var found = {};
  document.querySelectorAll("iframe").forEach(function (frame) { found[frame.title] = measured(frame); });
  document.getElementById("found").textContent = JSON.stringify(found);
};
"""


def measure(
    pages: Mapping[str, str], folder: Path, *, scheme: str, widths: tuple[int, ...]
) -> dict[str, dict[str, Any]]:
    """For each page and width (`name@width`): the viewport, how far it scrolls sideways, how many elements lie beyond
    it, and the worst contrast of its texts, in the real layout engine."""
    frames = "".join(
        f'<iframe title="{html.escape(name)}@{width}" style="width:{width}px;height:900px;border:0" '
        f'srcdoc="{html.escape(page)}"></iframe>'
        for name, page in pages.items()
        for width in widths
    )
    place = folder / f"measure-{scheme}.html"
    place.write_text(
        f'<!DOCTYPE html><html><head><meta charset="utf-8"></head><body>{frames}<pre id="found"></pre>'
        f"<script>{MEASURE}</script></body></html>",
        encoding="utf-8",
    )
    told = _run(folder, scheme, "--dump-dom", place.as_uri())
    found = told.rpartition('<pre id="found">')[2].partition("</pre>")[0]
    measured = json.loads(html.unescape(found))
    assert isinstance(measured, dict)
    return measured


def picture(page: str, place: Path, folder: Path, *, scheme: str, width: int, height: int) -> None:
    """A PNG of the page at this width."""
    shown = folder / f"{place.stem}.html"
    shown.write_text(
        '<!DOCTYPE html><html><head><meta charset="utf-8"></head><body style="margin:0">'
        f'<iframe style="width:{width}px;height:{height}px;border:0;display:block" '
        f'srcdoc="{html.escape(page)}"></iframe>'
        "</body></html>",
        encoding="utf-8",
    )
    _run(folder, scheme, f"--screenshot={place}", f"--window-size={width},{height}", shown.as_uri())


def _run(folder: Path, scheme: str, *arguments: str) -> str:
    assert BROWSER is not None
    command = [
        BROWSER,
        *FLAGS,
        f"--user-data-dir={folder / 'profile'}",
        f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 - our own words
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout
