"""Parses metrics with Prometheus' own Python library: a JSON document a line in, one a line out."""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus


def sample(one):
    exemplar = one.exemplar and {
        "labels": one.exemplar.labels,
        "value": one.exemplar.value,
        "timestamp": one.exemplar.timestamp and float(one.exemplar.timestamp),
    }
    return {"name": one.name, "labels": one.labels, "value": repr(float(one.value)), "exemplar": exemplar}


def family(one):
    return {
        "name": one.name,
        "type": one.type,
        "help": one.documentation,
        "unit": one.unit,
        "samples": [sample(each) for each in one.samples],
    }


for line in sys.stdin:
    request = json.loads(line)
    parse = openmetrics if request["format"] == "openmetrics" else prometheus
    try:
        answer = {"families": [family(each) for each in parse(request["text"])]}
    except Exception as error:  # pylint: disable=broad-except
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
