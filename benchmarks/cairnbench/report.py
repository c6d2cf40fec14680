"""What a run leaves: tables in the terminal, JSON, and a page with plots that needs nothing beside it."""
import html
import json
import math

COLUMNS = [("IOPS", 9, "iops", "{:,.0f}"), ("MiB/s", 7, "mibs", "{:,.0f}"), ("p50 us", 8, "p50_us", "{:,.0f}"),
           ("p99 us", 8, "p99_us", "{:,.0f}"), ("p99.9 us", 9, "p999_us", "{:,.0f}"),
           ("raw IOPS", 9, "raw_iops", "{:,.0f}"), ("share", 6, "share", "{:.0%}"), ("goal", 5, "goal", "{:.0%}"),
           ("engines", 8, "engine_cores", "{:.2f}"), ("client", 7, "client_cores", "{:.2f}"),
           ("IOPS/core", 10, "iops_per_engine_core", "{:,.0f}"), ("written", 8, "written_per_byte", "x{:.2f}")]
EXPLANATION = ("engines and client are in CPU cores, IOPS/core is of the engines; share is of the raw drive's IOPS; "
               "written is per byte and replica")


def job_width(names):
    return max(len(name) for name in ("job", *names)) + 1


def header(width):
    return "job".ljust(width) + " ".join(title.rjust(size) for title, size, _, _ in COLUMNS)


def cell(figures, key, form):
    return form.format(figures[key]) if figures.get(key) is not None else ""


def row(name, figures, width):
    return name.ljust(width) + " ".join(cell(figures, key, form).rjust(size) for _, size, key, form in COLUMNS)


def side_by_side(result):
    """IOPS of every system, with the share of what the raw drive gave right before it."""
    systems = [name for name in result["systems"] if name != "raw"]
    width = job_width(result["jobs"])
    lines = ["job".ljust(width) + "".join(name.rjust(19) for name in systems)]
    for job, of in result["jobs"].items():
        cells = []
        for name in systems:
            figures = of.get(name)
            if figures is None or "iops" not in figures:
                cells.append("-")
            else:
                share = f" ({figures['share']:.0%})" if "share" in figures else ""
                cells.append(f"{figures['iops']:,.0f}{share}")
        lines.append(job.ljust(width) + "".join(text.rjust(19) for text in cells))
    return lines


def compare(before, after):
    """Every system and job that is in both files."""
    width = job_width(before["jobs"]) + 10
    lines = ["".ljust(width) + f"{'IOPS':>10} {'to':>10} {'ratio':>6}   {'p99 us':>9} {'to':>9} {'ratio':>6}"
             f"   {'share':>6} {'to':>6}   {'CPU ms/1000':>11} {'to':>7}"]
    for job, systems in before["jobs"].items():
        for name, x in systems.items():
            y = after["jobs"].get(job, {}).get(name, {})
            if "iops" not in x or "iops" not in y:
                continue
            shares = " ".join(cell(side, "share", "{:.0%}").rjust(6) for side in (x, y))
            costs = cell(x, "engine_cpu_ms_per_1000", "{:.1f}").rjust(11)
            costs += cell(y, "engine_cpu_ms_per_1000", "{:.1f}").rjust(8)
            lines.append(f"{job} {name}".ljust(width) + f"{x['iops']:10,.0f} {y['iops']:10,.0f}"
                         f" {y['iops'] / max(x['iops'], 1e-9):6.2f}   {x['p99_us']:9,.0f} {y['p99_us']:9,.0f}"
                         f" {y['p99_us'] / max(x['p99_us'], 1e-9):6.2f}   {shares}   {costs}")
    return lines


def write_json(path, result):
    with open(path, "w") as f:
        json.dump(result, f, indent=1)
        f.write("\n")


def write_page(path, result):
    page = html_page(result)
    with open(path, "w") as f:
        f.write(page)


COLOURS = ["#0b6bcb", "#8a8f98", "#c4412b", "#2e8b57", "#8250a8", "#b8860b"]
STYLE = """
:root { color-scheme: light dark; --line: #8884; --dim: #777; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .3rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
td, th { padding: .2rem .55rem; text-align: right; border-bottom: 1px solid var(--line); }
td:first-child, th:first-child, td.name { text-align: left; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; } svg { width: 520px; max-width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: var(--dim); } .grid { stroke: var(--line); }
.wide { overflow-x: auto; } .key { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 1em; }
p.dim { color: var(--dim); }
"""
PLOT = (52, 8, 508, 172)
SIZE = (520, 205)


def nice_ceiling(value):
    if value <= 0:
        return 1
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 7.5, 10) if step * power >= value)


def duration(micros):
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if micros >= size:
            return f"{micros / size:g} {unit}"
    return f"{micros:g} µs"


def svg(lines, title, x_ticks, y_ticks):
    left, top, right, bottom = PLOT
    parts = [f'<svg viewBox="0 0 {SIZE[0]} {SIZE[1]}" role="img" aria-label="{html.escape(title)}">']
    for at, text in x_ticks:
        parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{bottom}"/>'
                     f'<text x="{at:.1f}" y="{bottom + 14}" text-anchor="middle">{text}</text>')
    for at, text in y_ticks:
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>'
                     f'<text x="{left - 5}" y="{at + 4:.1f}" text-anchor="end">{text}</text>')
    for colour, points in lines:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.8" points="{path}"/>')
    parts.append(f'<text x="{(left + right) / 2}" y="{SIZE[1] - 2}" text-anchor="middle">{html.escape(title)}</text>')
    return "".join(parts) + "</svg>"


def latency_plot(curves):
    """Share of I/Os that took no longer; both axes logarithmic, so that the tail is seen: 90 %, 99 %, 99.9 %."""
    left, top, right, bottom = PLOT
    values = [micros for _, points in curves for micros, _ in points if micros > 0]
    if not values:
        return ""
    low, high = math.log10(min(values)), math.log10(max(values))
    span = max(high - low, 0.1)
    nines = 4

    def x(micros):
        return left + (right - left) * (math.log10(max(micros, min(values))) - low) / span

    def y(share):
        return bottom - (bottom - top) * min(nines, -math.log10(max(1 - share, 10 ** -nines))) / nines

    lines = [(colour, [(x(micros), y(share)) for micros, share in points]) for colour, points in curves]
    x_ticks = [(x(10 ** power), duration(10 ** power)) for power in range(math.ceil(low), math.floor(high) + 1)]
    y_ticks = [(y(share), text) for share, text in
               ((0, "0 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %"))]
    return svg(lines, "latency: share of the I/Os that took no longer", x_ticks, y_ticks)


def throughput_plot(curves):
    left, top, right, bottom = PLOT
    points = [point for _, series in curves for point in series]
    if not points:
        return ""
    end = max(at for at, _ in points)
    most = nice_ceiling(max(rate for _, rate in points))

    def x(at):
        return left + (right - left) * at / end

    def y(rate):
        return bottom - (bottom - top) * rate / most

    # A rate is that of the time since the point before, so the first one holds from the start.
    lines = [(colour, [(x(at), y(rate)) for at, rate in ([[0, series[0][1]]] + series)])
             for colour, series in curves if series]
    ticks = [most * part / 4 for part in range(5)]
    return svg(lines, "IOPS over time, seconds", [(x(end * part / 4), f"{end * part / 4:.1f}") for part in range(5)],
               [(y(rate), f"{rate / 1000:g} k" if most >= 1000 else f"{rate:g}") for rate in ticks])


def html_page(result):
    systems = result["systems"]
    colour = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(systems)}
    host = result["host"]
    parts = ["<!doctype html><html lang=en><meta charset=utf-8><title>cairn bench</title>",
             f"<style>{STYLE}</style><h1>cairn bench</h1>",
             f"<p>{html.escape(result['when'])}; kernel {html.escape(host['kernel'])}, {host['cores']} cores"
             f" ({html.escape(host['cpu'])}), drive's cache: {html.escape(host['write_cache'] or 'unknown')}; "
             f"volume of {result['mib']} MiB, {result['seconds']} s a job.</p><ul>"]
    for name, system in systems.items():
        parts.append(f'<li><span class="key" style="background:{colour[name]}"></span><b>{html.escape(name)}</b>: '
                     f"{html.escape(system['durability'])}</li>")
    parts.append("</ul><div class=wide><table><tr><th>job<th>system")
    parts += [f"<th>{html.escape(title)}" for title, *_ in COLUMNS]
    for job, of in result["jobs"].items():
        for name, figures in of.items():
            cells = "".join(f"<td>{cell(figures, key, form)}" for _, _, key, form in COLUMNS)
            note = f"<td colspan={len(COLUMNS)} class=name>{html.escape(figures.get('not_run', ''))}"
            parts.append(f"<tr><td>{html.escape(job)}<td class=name>{html.escape(name)}"
                         + (note if "not_run" in figures else cells))
    parts.append(f"</table></div><p class=dim>{html.escape(EXPLANATION)}</p>")
    for job, of in result["jobs"].items():
        ran = {name: figures for name, figures in of.items() if "iops" in figures}
        parts.append(f"<h2>{html.escape(job)}</h2><div class=plots>")
        parts.append(latency_plot([(colour[name], figures["latency"]) for name, figures in ran.items()]))
        parts.append(throughput_plot([(colour[name], figures["throughput"]) for name, figures in ran.items()]))
        parts.append("</div>")
    return "\n".join(parts) + "</html>\n"
