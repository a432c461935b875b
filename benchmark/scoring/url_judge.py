"""A judge behind a URL that speaks the OpenAI protocol: a pinned model, temperature 0, every reply kept on disk."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.core.data import Floats
from benchmark.core.errors import UserError
from benchmark.policies.chat import PROMPT
from benchmark.scoring.answers import ANSWER, AnswerScorer

TRIES = 5  # of one request; only what may pass (a busy server, a broken connection) is tried again
WAIT = 1.0  # seconds before the second try, doubled before each further one
TIMEOUT = 120.0  # seconds of one try
_PASSES = {408, 409, 429, 500, 502, 503, 504}
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class JudgeError(RuntimeError):
    """The judge did not answer. The message names its URL and the status."""


@dataclass(frozen=True)
class URLJudge(AnswerScorer):
    """Asks a chat model for a number, and keeps what it said.

    url: where the protocol begins, such as `https://host/v1`. model: its name, with the version. template: the question
    around `{prompt}` and `{answer}`. low, high: the ends of the scale that it asks for. key: the environment variable
    that holds the API key; None: no key is sent. cache: where replies are kept, by the content of the request.
    """

    url: str
    model: str
    template: str
    low: float
    high: float
    key: str | None
    cache: Path

    heads = ("score",)

    def check(self) -> None:
        """Raise a UserError where the key is not in the environment."""
        if self.key is not None and not os.environ.get(self.key):
            raise UserError(f"the judge at {self.url} takes its key from the environment: set {self.key}.")

    def score(self, prompts: Sequence[str], answers: Sequence[str]) -> Floats:
        """The first number of every reply, shape [answers, 1]; NaN where there is none on the scale.

        Raises:
            JudgeError: a request failed, for good or `TRIES` times.
        """
        replies = [self._reply(prompt, answer) for prompt, answer in zip(prompts, answers, strict=True)]
        return np.array([[self._number(reply)] for reply in replies], dtype=np.float64).reshape(-1, 1)

    def _number(self, reply: str) -> float:
        found = _NUMBER.search(reply)
        number = float(found[0]) if found else float("nan")
        return number if self.low <= number <= self.high else float("nan")

    def _reply(self, prompt: str, answer: str) -> str:
        question = self.template.replace(PROMPT, prompt).replace(ANSWER, answer)
        request = {
            "model": self.model,
            "messages": [{"role": "user", "content": question}],
            "temperature": 0,
            "max_tokens": 16,
        }
        content = json.dumps({"url": self.url, "request": request}, sort_keys=True)
        file = self.cache / f"{hashlib.sha256(content.encode()).hexdigest()}.json"
        if file.is_file():
            return str(json.loads(file.read_text())["reply"])
        reply = _text_of(self._ask(request), self.url)
        self.cache.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps({"url": self.url, "request": request, "reply": reply}))
        partial.rename(file)
        return reply

    def _ask(self, request: dict[str, Any]) -> Any:
        """The server's answer as JSON, after several tries where it was busy."""
        address = f"{self.url.rstrip('/')}/chat/completions"
        headers = {"Content-Type": "application/json"}
        if self.key is not None:
            headers["Authorization"] = f"Bearer {os.environ.get(self.key, '')}"
        asked = urllib.request.Request(address, json.dumps(request).encode(), headers)
        failure = ""
        for number in range(TRIES):
            if number:
                time.sleep(WAIT * 2 ** (number - 1))
            try:
                with urllib.request.urlopen(asked, timeout=TIMEOUT) as response:
                    return json.load(response)
            except urllib.error.HTTPError as error:
                failure = f"status {error.code} {error.reason}"
                if error.code not in _PASSES:
                    raise JudgeError(f"the judge at {address} refused: {failure}.") from error
            except (OSError, ValueError) as error:
                failure = f"{type(error).__name__}: {error}"
        raise JudgeError(f"the judge at {address} failed {TRIES} times, the last time with {failure}.")


def _text_of(answer: Any, url: str) -> str:
    try:
        return str(answer["choices"][0]["message"]["content"])
    except (KeyError, IndexError, TypeError):
        raise JudgeError(f"the judge at {url} answered in another form than the protocol's: {answer!r:.200}") from None
