"""The report of a diagnosis: as text, as HTML, as plain data."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from glorot.diagnose.findings import Finding

__all__ = ["LayerReport", "Report"]

_WIDTH = 80
_ROWS = 12  # layers shown as text; HTML shows all


@dataclass(frozen=True)
class LayerReport:
    """What was measured of one layer; NaN (None in JSON) where something could not be.

    Args:
        layer: path in the module.
        kind: torch's function.
        fan_in, fan_out: fans of its weights.
        std: standard deviation of its weights.
        scheme: the scheme they seem to follow.
        moment: E[z²] of its outputs.
        between: variance between inputs of its outputs, averaged over units.
        activation: the activation behind it, "" if none was seen.
        saturated: share of that activation's values on a flat part.
        dead: share of its units that are off for the whole batch.
        gradient: E[δ²], second moment of the gradient with respect to its outputs.
        weight_gradient: second moment of the gradient of its weights.
        jacobian: gradient's squared norm at its input over that at the next layer's input: the mean square
            singular value of the step, in units of fan-in over fan-out; only along the main chain.
        update: root mean square of one step's change over that of the weights.
    """

    layer: str
    kind: str
    fan_in: int
    fan_out: int
    std: float
    scheme: str
    moment: float
    between: float
    activation: str
    saturated: float
    dead: float
    gradient: float
    weight_gradient: float
    jacobian: float
    update: float


@dataclass(frozen=True)
class Report:
    """What ``diagnose`` found.

    Printed, it is the text an engineer reads; in a notebook it is a table.

    Args:
        module: name of the module's class.
        findings: root faults; empty for a healthy net.
        remarks: what is unknown or noteworthy but no fault.
        layers: measurements, in the order of computing.
        examples: size of the batch.
        probe: where the gradients come from.
        loss: the loss on the batch, NaN without one.
    """

    module: str
    findings: tuple[Finding, ...]
    remarks: tuple[str, ...]
    layers: tuple[LayerReport, ...]
    examples: int
    probe: str
    loss: float

    @property
    def verdict(self) -> str:
        """One sentence."""
        if not self.layers and not self.findings:
            return f"{self.module}: no layer with weights was seen, so there is nothing to judge."
        if not self.findings:
            return f"{self.module}: no fault found in {_count(len(self.layers), 'layer')}."
        codes = ", ".join(dict.fromkeys(finding.code for finding in self.findings))
        return f"{self.module}: {_count(len(self.findings), 'fault')} found ({codes})."

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def text(self) -> str:
        """The report in 80 columns, the verdict first."""
        parts = [self.verdict]
        for finding in self.findings:
            parts += [f"\n{finding.code} at {finding.layer}", _wrapped(finding.cause, "  ")]
            parts += [f"  Fix: {finding.fix}"]
        parts += ["", *self._table()] if self.layers else []
        if self.remarks:
            parts += ["", "Remarks"]
            parts += [_wrapped(remark, "  - ") for remark in self.remarks]
        return "\n".join(parts)

    def _table(self) -> list[str]:
        head = ("layer", "fans", "std", "scheme", "E[z²]", "between", "grad", "off")
        rows = [head, *(_text_row(layer) for layer in _shown(self.layers))]
        rows = _fitted(rows)
        widths = [max(len(row[k]) for row in rows) for k in range(len(head))]
        lines = [
            "  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows
        ]
        hidden = len(self.layers) - len(_shown(self.layers))
        if hidden:
            lines.insert(1 + _ROWS // 2, f"… {hidden} more …")
        notes = (
            f"{_count(self.examples, 'example')}; {self.probe or 'no gradients'}. between: variance between "
            "inputs; grad: E[δ²]; off: dead units, or ~saturated values."
        )
        return [*lines, _wrapped(" ".join([notes, *self._medians()]), "")]

    def _medians(self) -> list[str]:
        """Over all layers, what the text has no column for."""
        said = []
        for name, words in (("jacobian", "Jacobian gain"), ("update", "Update / weights")):
            values = sorted(v for one in self.layers if math.isfinite(v := getattr(one, name)))
            if values:
                low, middle, high = values[0], values[len(values) // 2], values[-1]
                said.append(f"{words}: {_number(middle)} ({_number(low)} to {_number(high)}).")
        return said

    def as_dict(self) -> dict:
        """Plain data for JSON; what could not be measured is None."""
        return _plain(asdict(self) | {"verdict": self.verdict})

    def html(self) -> str:
        """A complete page, without scripts, in both themes."""
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>Diagnosis of {html.escape(self.module)}</title>\n"
            f"<style>{_PAGE_STYLE}</style>\n</head>\n<body>\n<main>\n"
            f"{self._body(1)}\n</main>\n</body>\n</html>\n"
        )

    def _repr_html_(self) -> str:
        return self._body(3)

    def _body(self, level: int) -> str:
        sections = [f"<h{level}>{html.escape(self.verdict)}</h{level}>"]
        sections += [_finding_html(finding, level + 1) for finding in self.findings]
        if self.layers:
            sections += [f"<h{level + 1}>Layers</h{level + 1}>", self._table_html()]
        if self.remarks:
            items = "".join(f"<li>{html.escape(remark)}</li>" for remark in self.remarks)
            sections += [f"<h{level + 1}>Remarks</h{level + 1}>", f"<ul>{items}</ul>"]
        style = f"<style>{_STYLE}</style>"
        return f'<div class="glorot-diagnosis">{style}{"".join(sections)}</div>'

    def _table_html(self) -> str:
        faulty = {layer for finding in self.findings for layer in finding.layers}
        columns = [column for column in _COLUMNS if any(column.show(one) for one in self.layers)]
        head = "".join(f'<th scope="col"{c.mark}>{c.title}</th>' for c in columns)
        rows = "".join(_row_html(one, columns, one.layer in faulty) for one in self.layers)
        note = f"{_count(self.examples, 'example')}; {self.probe or 'no gradients'}. {_NOTE}"
        return (
            f'<p class="note">{html.escape(note)}</p>'
            '<div class="scroll" tabindex="0" role="region" aria-label="Measurements by layer"><table>'
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        )


# ---------------------------------------------------------------------- text


def _text_row(layer: LayerReport) -> tuple[str, ...]:
    off = _share(layer.dead) or ("~" + _share(layer.saturated) if _share(layer.saturated) else "")
    return (
        layer.layer,
        f"{layer.fan_in}→{layer.fan_out}",
        _number(layer.std),
        _brief(layer.scheme),
        _number(layer.moment),
        _number(layer.between),
        _number(layer.gradient),
        off,
    )


def _fitted(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Rows with the layers' names cut, from the left, to what a line of text has room for."""
    others = sum(max(map(len, column)) + 2 for column in list(zip(*rows, strict=True))[1:])
    return [(_short(row[0], max(8, _WIDTH - others)), *row[1:]) for row in rows]


def _shown(layers: Sequence[LayerReport]) -> list[LayerReport]:
    if len(layers) <= _ROWS + 1:
        return list(layers)
    return [*layers[: _ROWS // 2], *layers[-_ROWS // 2 :]]


def _wrapped(text: str, lead: str) -> str:
    indent = " " * len(lead)
    return textwrap.fill(text, _WIDTH, initial_indent=lead, subsequent_indent=indent)


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else "…" + text[1 - limit :]


def _brief(scheme: str) -> str:
    """A scheme in a word or two.

    Example:
        >>> _brief("He by fan-out, normal"), _brief("none: 0.14 × Glorot's std, normal")
        ('He by fan-out', '0.14×Glorot')
    """
    word = scheme.split(",")[0].partition(":")
    if word[0].startswith("PyTorch's"):
        return "default"
    if word[0] == "none":
        return word[2].strip().replace(" × ", "×").removesuffix("'s std")
    return word[0]


def _number(value: float) -> str:
    """A number in at most seven characters.

    Example:
        >>> _number(0.0412), _number(3.2e-7), _number(float("nan"))
        ('0.041', '3.2e-07', '')
    """
    if math.isnan(value):
        return ""
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.2g}" if abs(value) < 100 else f"{value:.0f}"
    return f"{value:.1e}"


def _share(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.0%}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


# ---------------------------------------------------------------------- HTML

_NOTE = (
    "E[z²]: average square of a layer's outputs; between inputs: their variance over the batch, averaged over "
    "units; E[δ²]: average square of the gradient with respect to them."
)


@dataclass(frozen=True)
class _Column:
    title: str
    show: Callable[[LayerReport], str]
    words: bool = False

    @property
    def mark(self) -> str:
        return ' class="words"' if self.words else ""


# What tells the story comes first: a phone shows four columns.
_COLUMNS = (
    _Column("Layer", lambda one: one.layer, words=True),
    _Column("E[z²]", lambda one: _number(one.moment)),
    _Column("Between inputs", lambda one: _number(one.between)),
    _Column("E[δ²]", lambda one: _number(one.gradient)),
    _Column("Fans in → out", lambda one: f"{one.fan_in} → {one.fan_out}"),
    _Column("Std of weights", lambda one: _number(one.std)),
    _Column("Scheme they follow", lambda one: one.scheme, words=True),
    _Column("Activation", lambda one: one.activation, words=True),
    _Column("Saturated", lambda one: _share(one.saturated)),
    _Column("Dead", lambda one: _share(one.dead)),
    _Column("Jacobian gain", lambda one: _number(one.jacobian)),
    _Column("Update / weights", lambda one: _number(one.update)),
)

_STYLE = (
    ".glorot-diagnosis{--d-ink:#23211d;--d-muted:#6a655b;--d-line:#d8d3c7;--d-shade:#efeadd;--d-accent:#a3341f;"
    "--d-paper:#fffefa;color:var(--d-ink);background:var(--d-paper);padding:.5rem 1rem;line-height:1.5}"
    "@media(prefers-color-scheme:dark){.glorot-diagnosis{--d-ink:#e9e5da;--d-muted:#a9a396;--d-line:#47443d;"
    "--d-shade:#2b2924;--d-accent:#f0876f;--d-paper:#191815}}"
    "html[data-theme=dark] .glorot-diagnosis{--d-ink:#e9e5da;--d-muted:#a9a396;--d-line:#47443d;"
    "--d-shade:#2b2924;--d-accent:#f0876f;--d-paper:#191815}"
    "html[data-theme=light] .glorot-diagnosis{--d-ink:#23211d;--d-muted:#6a655b;--d-line:#d8d3c7;"
    "--d-shade:#efeadd;--d-accent:#a3341f;--d-paper:#fffefa}"
    ".glorot-diagnosis h1,.glorot-diagnosis h2,.glorot-diagnosis h3,.glorot-diagnosis h4"
    "{color:var(--d-ink);font-weight:600;line-height:1.3;margin:.9em 0 .3em}"
    ".glorot-diagnosis h1,.glorot-diagnosis h3{font-size:1.25rem}"
    ".glorot-diagnosis h2,.glorot-diagnosis h4{font-size:1.05rem}"
    ".glorot-diagnosis .code{color:var(--d-accent)}.glorot-diagnosis p{margin:.3em 0;max-width:70ch}"
    ".glorot-diagnosis pre{background:var(--d-shade);color:var(--d-ink);padding:.5rem .7rem;margin:.3em 0;"
    "white-space:pre-wrap;overflow-wrap:anywhere;border:0}"
    ".glorot-diagnosis .scroll{overflow-x:auto;max-width:100%}"
    ".glorot-diagnosis table{border-collapse:collapse;font-size:.85rem;"
    "font-variant-numeric:tabular-nums;color:var(--d-ink)}"
    ".glorot-diagnosis .note{color:var(--d-muted);font-size:.85rem}"
    ".glorot-diagnosis th,.glorot-diagnosis td{text-align:right;padding:.2rem .5rem;white-space:nowrap;"
    "border-bottom:1px solid var(--d-line);background:var(--d-paper);color:var(--d-ink)}"
    ".glorot-diagnosis th[scope=row],.glorot-diagnosis .words{text-align:left}"
    ".glorot-diagnosis th[scope=row],.glorot-diagnosis th:first-child{position:sticky;left:0}"
    ".glorot-diagnosis thead th{white-space:normal;vertical-align:bottom}"
    ".glorot-diagnosis tr.fault th{color:var(--d-accent)}"
)
_PAGE_STYLE = (
    "body{margin:0;font-family:system-ui,sans-serif;background:#fffefa}"
    "@media(prefers-color-scheme:dark){body{background:#191815}}main{max-width:72rem;margin:0 auto;padding:1rem}"
)


def _finding_html(finding: Finding, level: int) -> str:
    title = f'<span class="code">{finding.code}</span> at {html.escape(finding.layer)}'
    return (
        f"<h{level}>{title}</h{level}><p>{html.escape(finding.cause)}</p>"
        f"<pre><code>{html.escape(finding.fix)}</code></pre>"
    )


def _row_html(layer: LayerReport, columns: Sequence[_Column], faulty: bool) -> str:
    name = html.escape(layer.layer) + (" (fault)" if faulty else "")
    cells = "".join(f"<td{c.mark}>{html.escape(c.show(layer))}</td>" for c in columns[1:])
    return f'<tr{" class=fault" if faulty else ""}><th scope="row">{name}</th>{cells}</tr>'


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    return value
