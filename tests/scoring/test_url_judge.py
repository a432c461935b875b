"""The judge behind a URL, against a server of this machine that counts what it is asked."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from benchmark.core.errors import UserError
from benchmark.scoring import url_judge
from benchmark.scoring.url_judge import JudgeError, URLJudge


class Server(ThreadingHTTPServer):
    """Answers with the next of `replies`: a text, or a status."""

    def __init__(self):
        self.replies, self.asked, self.keys = [], [], []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers["Content-Length"])
        self.server.asked.append((self.path, json.loads(self.rfile.read(length))))
        self.server.keys.append(self.headers.get("Authorization"))
        reply = self.server.replies.pop(0)
        body = json.dumps({"choices": [{"message": {"content": reply}}]}).encode()
        self.send_response(reply if isinstance(reply, int) else 200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(url_judge, "WAIT", 0.0)
    monkeypatch.setenv("no_proxy", "*")
    made = Server()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def judge(server, tmp_path):
    url = f"http://127.0.0.1:{server.server_port}/v1"
    return URLJudge(url, "model-2026-01-01", "Q: {prompt} A: {answer}", 1, 10, "JUDGE_KEY", tmp_path / "cache")


def test_it_is_asked_once_for_the_same_content(server, judge, monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", "secret")
    server.replies = ["7", "Score: 3.5 of 10"]
    assert judge.score(["p", "p"], ["a", "b"]).tolist() == [[7.0], [3.5]]
    assert judge.score(["p", "p"], ["b", "a"]).tolist() == [[3.5], [7.0]]
    path, request = server.asked[0]
    assert len(server.asked) == 2 and path == "/v1/chat/completions"
    assert request["model"] == "model-2026-01-01" and request["temperature"] == 0
    assert request["messages"] == [{"role": "user", "content": "Q: p A: a"}]
    assert server.keys == ["Bearer secret"] * 2
    assert "secret" not in "".join(file.read_text() for file in judge.cache.iterdir())


def test_what_is_not_on_the_scale_is_missing(server, judge):
    server.replies = ["11", "I cannot say", "10"]
    assert np.isnan(judge.score(["p"] * 2, ["a", "b"])).all()
    assert judge.score(["p"], ["c"]).tolist() == [[10.0]]


def test_a_busy_server_is_asked_again_and_not_for_ever(server, judge):
    server.replies = [503, 429, "5"]
    assert judge.score(["p"], ["a"]).tolist() == [[5.0]]
    server.replies = [500] * url_judge.TRIES + ["5"]
    with pytest.raises(JudgeError, match=rf"{judge.url}/chat/completions failed 5 times, .* status 500"):
        judge.score(["p"], ["b"])
    assert server.replies == ["5"]


def test_a_refusal_is_final_and_names_url_and_status(server, judge):
    server.replies = [401, "5"]
    with pytest.raises(JudgeError, match=rf"{judge.url}/chat/completions refused: status 401"):
        judge.score(["p"], ["a"])
    assert server.replies == ["5"] and not judge.cache.exists()


def test_a_key_that_is_not_there_is_said_before_anything_is_asked(judge, monkeypatch):
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    with pytest.raises(UserError, match="set JUDGE_KEY"):
        judge.check()
