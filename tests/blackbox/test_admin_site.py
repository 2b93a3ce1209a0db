"""/api/site.json: which pages a door shows, and where to announce."""

import json


def site(client):
    answer = client.get("/api/site.json")
    assert (answer.status, answer.header("Content-Type")) == (200, "application/json")
    return json.loads(answer.body)


def test_the_operator_sees_all(module_server):
    server = module_server(admin=True)
    everything = {"stats": True, "map": True, "settings": True, "udp": server.port,
                  "http": server.port}
    assert site(server.admin()) == everything
    assert site(server.unix()) == everything


def test_visitors_see_what_is_public(start_server):
    server = start_server("--no-public-stats", admin=True)
    shown = site(server.http())
    assert (shown["stats"], shown["settings"]) == (False, False)
    assert server.http().get("/stats.html").status == 404
    shown = site(start_server().http())
    assert (shown["stats"], shown["settings"]) == (True, False)


def test_a_door_that_is_not_served_has_no_port(start_server):
    server = start_server("--no-udp", admin=True)
    assert site(server.admin())["udp"] == 0
    assert site(server.admin())["http"] == server.port
