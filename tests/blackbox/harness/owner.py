"""The operator's API: JSON over the Unix socket, or over the admin listener with a session."""

import json

from .http import HttpResponse


class Owner:
    """Speaks through `client` (server.unix(), server.admin() or server.http()). Without `token`
    nothing proves who it is, which the Unix socket does not ask for."""

    def __init__(self, client, token=None):
        self.client = client
        self.headers = (("Authorization", f"Bearer {token}"),) if token else ()

    def send(self, method, target, body=b"", headers=(), content_type="application/json"):
        """One request, `body` bytes or a document; the response as it is."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        lines = [*self.headers, *headers]
        if method == "POST":
            lines += [("Content-Length", len(body))]
            lines += [("Content-Type", content_type)] if content_type else []
        self.client.send(self.client.request(target, lines, method=method) + body)
        response = self.client.read_response(head_only=method == "HEAD")
        if response.closes:
            self.client.close()
        return response

    def post(self, target, body=b"", **how):
        """(status, document)"""
        return _decoded(self.send("POST", target, body, **how))

    def get(self, target, **how):
        return _decoded(self.send("GET", target, **how))

    def login(self, password):
        """(status, document); from then on with the session, where there is one."""
        status, answer = self.post("/api/login", {"password": password})
        if status == 200:
            self.headers = (("Authorization", f"Bearer {answer['token']}"),)
        return status, answer

    def set(self, save=False, **values):
        """Change options; all must be accepted. Returns what changed."""
        status, answer = self.post("/api/settings", {"set": values, "save": save})
        assert status == 200, answer
        return answer["changed"]

    def errors(self, **values):
        """Change options; refused, with an error for each of these names."""
        status, answer = self.post("/api/settings", {"set": values})
        assert status == 400, answer
        return answer["errors"]

    def options(self):
        """{name: option as the API tells it}"""
        status, answer = self.get("/api/settings")
        assert status == 200, answer
        return {option["name"]: option for option in answer["options"]}

    def value(self, name):
        return self.options()[name]["value"]

    def source(self, name):
        return self.options()[name]["origin"]["source"]


def _decoded(response: HttpResponse):
    kind = response.header("Content-Type")
    if kind != "application/json":
        return response.status, response.body.decode()
    return response.status, json.loads(response.body)
