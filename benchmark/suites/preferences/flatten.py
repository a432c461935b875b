"""Sets whose rows are no plain pairs: each function makes plain rows of one row, which keep the row's columns too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Any

from benchmark.suites.preferences.columns import as_number
from benchmark.suites.preferences.judgements import OPENING, Unusable, as_text
from benchmark.suites.preferences.reading import Row

HUMAN, ASSISTANT = "Human:", "\n\nAssistant:"
TURNS = ("first", "second", "third", "fourth")
EMPTY = "EMPTY STRING"  # what prism writes where a model said nothing
ASPECTS = ("overall", "helpful", "truthful", "harmless")
Message = Mapping[str, Any]


def shared_prefix(row: Row) -> list[Row]:
    """hh-rlhf: two whole dialogues as text that share all but the last answer. One row."""
    chosen, rejected = str(row.get("chosen") or ""), str(row.get("rejected") or "")
    cut = chosen.rfind(ASSISTANT)
    start = chosen[: cut + len(ASSISTANT)]
    if cut < 0 or not rejected.startswith(start) or ASSISTANT in rejected[len(start) :]:
        raise Unusable("two dialogues that part before the last answer")
    prompt = start[:cut].strip()
    opening = prompt.split(ASSISTANT)[0].removeprefix(HUMAN).strip()
    return [
        {
            "prompt": prompt if ASSISTANT in prompt else opening,
            "chosen": chosen[len(start) :],
            "rejected": rejected[len(start) :],
            OPENING: opening,
        }
    ]


def conversation(row: Row) -> list[Row]:
    """prism: turns with several models' answers, one of them chosen. A row per turn and answer that was not chosen."""
    turns: dict[Any, list[Message]] = {}
    for message in row.get("conversation_history") or []:
        turns.setdefault(message.get("turn"), []).append(message)
    history: list[Message] = []
    found: list[Row] = []
    for messages in turns.values():
        asked = [message for message in messages if message.get("role") == "user"]
        answers = [m for m in messages if m.get("role") != "user" and m.get("content") not in (EMPTY, None, "")]
        chosen = [message for message in answers if message.get("if_chosen")]
        if len(asked) != 1 or len(chosen) != 1:
            break  # what follows has no single past
        history += asked
        for other in answers:
            if other is not chosen[0]:
                apart = _apart(as_number(chosen[0].get("score")), as_number(other.get("score")))
                found.append(_turn(history, chosen[0]["content"], other["content"], apart))
        history += chosen
    if not found:
        raise Unusable("a conversation without a choice between answers")
    return found


def preferred_turns(row: Row) -> list[Row]:
    """Community Alignment: up to four turns of four responses, one preferred. A row per turn and other response."""
    history: list[Message] = []
    found: list[Row] = []
    for turn in TURNS:
        prompt = row.get(f"{turn}_turn_prompt")
        name = str(row.get(f"{turn}_turn_preferred_response") or "").strip().lower().removeprefix("response_")
        answers = {letter: row.get(f"{turn}_turn_response_{letter}") for letter in "abcd"}
        preferred = answers.get(name)
        if not prompt or not preferred:
            break
        history.append({"role": "user", "content": prompt})
        others = [answer for letter, answer in answers.items() if letter != name and answer]
        found += [{**_turn(history, preferred, other), "turn": turn} for other in others]
        history.append({"role": "assistant", "content": preferred})
    if not found:
        raise Unusable("a conversation without a preferred response")
    return found


def rated_completions(row: Row) -> list[Row]:
    """UltraFeedback: completions with a rating for every aspect. A row per aspect and pair of completions."""
    found: list[Row] = []
    for one, other in combinations(row.get("completions") or [], 2):
        for aspect in dict.fromkeys([*(one.get("annotations") or {}), *(other.get("annotations") or {})]):
            difference = _difference(_rating(one, aspect), _rating(other, aspect))
            sides = {"first": one.get("response"), "second": other.get("response")}
            found.append({**sides, "aspect": aspect, "difference": difference})
    if not found:
        raise Unusable("fewer than two rated completions")
    return found


def expert_or_not(row: Row) -> list[Row]:
    """multipref: several people's overall preference, experts and others. A row per person."""
    return [{"annotators": kind, "label": one.get("overall_pref")} for kind, one in _annotations(row)]


def by_aspect(row: Row) -> list[Row]:
    """multipref: the same people's preferences by aspect. A row per person and aspect."""
    return [
        {"annotators": kind, "aspect": aspect, "label": one.get(f"{aspect}_pref")}
        for kind, one in _annotations(row)
        for aspect in ASPECTS
    ]


def raters(row: Row) -> list[Row]:
    """HelpSteer2 (preference): whether its raters agree on the better response. One row."""
    single = [one.get("strength") for one in row.get("all_preferences_unprocessed") or [] if isinstance(one, Mapping)]
    signs = {(value > 0) - (value < 0) for value in map(as_number, single) if value is not None}
    return [{"raters": ("unanimous" if len(signs) == 1 else "divided") if signs else None}]


def _turn(history: list[Message], chosen: str, rejected: str, difference: float | None = None) -> Row:
    messages = [{"role": message["role"], "content": message["content"]} for message in history]
    sides = {"chosen": chosen, "rejected": rejected}
    return {"prompt": messages, **sides, "difference": difference, OPENING: as_text(messages[:1])}


def _rating(completion: Message, aspect: str) -> float | None:
    rated = (completion.get("annotations") or {}).get(aspect)
    return as_number(rated.get("Rating")) if isinstance(rated, Mapping) else None


def _difference(first: float | None, second: float | None) -> float | None:
    """Negative where the first is rated higher."""
    return None if first is None or second is None else second - first


def _apart(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else abs(one - other)


def _annotations(row: Row) -> Iterator[tuple[str, Message]]:
    found = [(kind, one) for kind in ("normal", "expert") for one in row.get(f"{kind}_worker_annotations") or []]
    if not found:
        raise Unusable("nobody's annotation")
    return iter(found)


FUNCTIONS: dict[str, Callable[[Row], list[Row]]] = {
    function.__name__: function
    for function in (shared_prefix, conversation, preferred_turns, rated_completions, expert_or_not, by_aspect, raters)
}
