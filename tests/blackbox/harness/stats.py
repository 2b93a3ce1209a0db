"""The numbers of a running server, as its pages tell them. Ask by the operators' ways in: there they
are never older than the request."""

import json
import re

SAMPLE = re.compile(r'^muster_([a-z0-9_]+(?:\{.*\})?) (\S+)$')


def stats_of(server):
    """/stats.json."""
    response = server.admin().get("/stats.json")
    assert response.status == 200 and response.header("Content-Type") == "application/json"
    return json.loads(response.body)


def metrics_of(server):
    """/metrics: {name with labels, without muster_: value}."""
    response = server.admin().get("/metrics")
    assert response.status == 200
    assert response.header("Content-Type").startswith("text/plain; version=0.0.4")
    lines = response.body.decode().splitlines()
    samples = [SAMPLE.match(line) for line in lines if not line.startswith("#")]
    return {match.group(1): float(match.group(2)) for match in samples}


def text_of(server, query=""):
    """/stats."""
    response = server.admin().get("/stats" + query)
    assert response.status == 200, response
    return response.body.decode()
