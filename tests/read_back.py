"""Reads what a run leaves with the tools that others use: the Python package of HdrHistogram, and pandas.

    read_back.py RUN

RUN is the folder of a run. Exits with 1 at the first thing that does not agree.
"""

import pathlib
import re
import sys

import pandas
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

PERCENTILES = [0.0, 25.0, 50.0, 90.0, 95.0, 99.0, 100.0]
# Three significant digits.
PRECISION = 1e-3

NUMBERS = {
    "samples.csv": [
        "block", "intended_ns", "sent_ns", "provision_total_ns", "deprovision_total_ns", "total_ns", "provision_jobs",
        "deprovision_jobs", "orphans", "provision_service_ns", "total_service_ns", "accepted_ns", "running_ns",
        "delete_sent_ns", "gone_ns", "censored_ns",
    ],
    "transitions.csv": ["block", "at_ns"],
    "ledger.csv": ["block", "start_ns", "end_ns"],
}


def check(holds, message):
    if not holds:
        sys.exit(f"read_back: {message}")


def tables(run):
    """The tables, with the types that their columns must have."""
    read = {}
    for name, numbers in NUMBERS.items():
        # A number that is missing stays missing, and does not make the others floats.
        table = pandas.read_csv(run / name, dtype={column: "Int64" for column in numbers}, keep_default_na=True)
        check(len(table) > 0, f"{name} is empty")
        for column in table.columns:
            if column in numbers:
                check(table[column].dropna().ge(0).all(), f"{name}: {column} is negative somewhere")
            else:
                text = pandas.api.types.is_string_dtype(table[column]) or pandas.api.types.is_object_dtype(table[column])
                # An ID is text by its meaning, but all of them may be numbers; `from` is empty for a new job.
                check(text or column == "job_id", f"{name}: {column} is {table[column].dtype}, not text")
        read[name] = table
    return read


def histograms(run):
    """The histograms of the log by their tags."""
    log = HistogramLogReader(str(run / "histograms.hlog"), HdrHistogram(1, 2**62, 3))
    lines = [line for line in (run / "histograms.hlog").read_text().splitlines() if line.startswith("Tag=")]
    read = {}
    for line in lines:
        tag = line.split(",", 1)[0].removeprefix("Tag=")
        histogram = log.get_next_interval_histogram()
        check(histogram is not None, f"the log ends before {tag}")
        check(tag not in read, f"{tag} is in the log twice")
        read[tag] = histogram
    check(log.get_next_interval_histogram() is None, "the log has more histograms than tags")
    check(len(read) > 0, "the log is empty")
    return read


def agree(tag, histogram, values):
    """A histogram has the values of a column: their number, their range and, as far as its digits go, their quantiles."""
    values = sorted(int(value) for value in values)
    check(histogram.get_total_count() == len(values), f"{tag}: {histogram.get_total_count()} values, {len(values)} in the table")
    for percentile in PERCENTILES:
        ours = histogram.get_value_at_percentile(percentile)
        # The package rounds a rank where others take the next: either neighbour will do.
        rank = len(values) * percentile / 100
        near = [values[min(max(int(rank) + step, 1), len(values)) - 1] for step in (0, 1)]
        holds = any(abs(ours - theirs) <= PRECISION * theirs + 1 for theirs in near)
        check(holds, f"{tag}: p{percentile} is {ours}, in the table {near}")


def distribution(path, histogram):
    """A percentile distribution says of each value what the log's histogram says: how many are no larger."""
    rows = 0
    recorded = [(item.value_iterated_to, item.count_at_value_iterated_to) for item in histogram.get_recorded_iterator()]
    for line in path.read_text().splitlines():
        columns = re.fullmatch(r"\s*([\d.]+)\s+([\d.]+)\s+(\d+)(?:\s+[\d.]+)?\s*", line)
        if not columns:
            continue
        value_ns, quantile, count = float(columns[1]) * 1e6, float(columns[2]), int(columns[3])
        # The file has three decimals of a millisecond.
        no_larger = sum(number for value, number in recorded if value <= value_ns + 1e3)
        check(no_larger == count, f"{path.name}: {count} values up to {columns[1]} ms, {no_larger} in the log")
        check(count >= int(quantile * histogram.get_total_count()), f"{path.name}: {count} values at {quantile}")
        rows += 1
    check(rows > 0, f"{path.name} has no rows")
    check(count == histogram.get_total_count(), f"{path.name} ends at {count} values")
    check("#[Unit    =           ms" in path.read_text(), f"{path.name} does not say its unit")


def main(run):
    run = pathlib.Path(run)
    read = tables(run)
    logged = histograms(run)
    samples, ledger = read["samples.csv"], read["ledger.csv"]
    checked = 0
    for (arm, scenario), own in samples.groupby(["arm", "scenario"]):
        for metric in ["provision_total", "deprovision_total", "total"]:
            values = own[f"{metric}_ns"].dropna()
            tag = f"{arm}/{scenario}/{metric}"
            if len(values) > 0:
                agree(tag, logged[tag], values)
                checked += 1
    ledger["takes_ns"] = ledger["end_ns"] - ledger["start_ns"]
    for (arm, scenario, operation, segment), own in ledger.groupby(["arm", "scenario", "operation", "segment"]):
        tag = f"{arm}/{scenario}/segment_{operation}_{segment}"
        agree(tag, logged[tag], own["takes_ns"])
        checked += 1
    sums = ledger.groupby(["block", "arm", "scenario", "instance", "operation"])["takes_ns"].sum()
    totals = samples.set_index(["block", "arm", "scenario", "instance"])
    for (*instance, operation), total in sums.items():
        check(total == totals.loc[tuple(instance), f"{operation}_total_ns"], f"the ledger of {instance} does not add up")
    distributions = sorted((run / "histograms").glob("*.hgrm"))
    for path in distributions:
        distribution(path, logged[path.stem.replace("__", "/")])
    check(len(distributions) > 0, "there are no distributions")
    print(f"read_back: {len(logged)} histograms read, {checked} of them held against the tables, {len(distributions)} distributions, "
          f"{len(sums)} ledgers")


if __name__ == "__main__":
    main(sys.argv[1])
