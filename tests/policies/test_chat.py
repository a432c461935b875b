"""Golden tokens of the formats of real chat models: BOS and end-of-sequence once, the same prompt alone and inside."""

from __future__ import annotations

import pytest

from benchmark.core.errors import UserError
from benchmark.policies.chat import PromptFormat
from tests.chat_models import LLAMA32_TEMPLATE, gpt2_tokenizer, llama3_tokenizer, qwen_tokenizer

PROMPT, ANSWER = "which way home", "left"
CHAT = PromptFormat()
HUMAN = PromptFormat("\n\nHuman: {prompt}\n\nAssistant:")


def tokens(tokenizer, *texts):
    return [tokenizer.get_vocab()[text] for text in texts]


def test_llama_3():
    tokenizer = llama3_tokenizer()
    words = tokens(tokenizer, "which", "Ġway", "Ġhome")
    (prompt,) = CHAT.prompts(tokenizer, [PROMPT])
    assert prompt == [128000, 128006, 882, 128007, 271, *words, 128009, 128006, 78191, 128007, 271]
    assert CHAT.answers(tokenizer, [PROMPT], [ANSWER]) == [[*tokens(tokenizer, "left"), 128009]]
    CHAT.check(tokenizer, "llama")


def test_llama_3_2_is_asked_the_same_on_every_day():
    """Its template writes a date into the system turn, today's where none is given."""
    tokenizer = llama3_tokenizer(LLAMA32_TEMPLATE)
    date = tokens(tokenizer, "26", "ĠJul", "Ġ2024")
    (prompt,) = CHAT.prompts(tokenizer, [PROMPT])
    assert prompt[:10] == [128000, 128006, 9125, 128007, 271, *date, 128009, 128006]
    CHAT.check(tokenizer, "llama")


def test_qwen_has_no_bos_and_ends_before_its_newline():
    tokenizer = qwen_tokenizer()
    words = tokens(tokenizer, "which", "Ġway", "Ġhome")
    (prompt,) = CHAT.prompts(tokenizer, [PROMPT])
    assert prompt == [151644, 872, 198, *words, 151645, 198, 151644, 77091, 198]
    assert CHAT.answers(tokenizer, [PROMPT], [ANSWER]) == [[*tokens(tokenizer, "left"), 151645]]
    CHAT.check(tokenizer, "qwen")


def test_gpt2_reads_the_text_around_a_prompt():
    tokenizer = gpt2_tokenizer()
    expected = tokens(tokenizer, "ĊĊ", "Human", ":", "Ġwhich", "Ġway", "Ġhome", "ĊĊ", "Assistant", ":")
    assert HUMAN.prompts(tokenizer, [PROMPT]) == [expected]
    assert HUMAN.answers(tokenizer, [PROMPT], [ANSWER]) == [[*tokens(tokenizer, "Ġleft"), tokenizer.eos_token_id]]
    HUMAN.check(tokenizer, "gpt2")


def test_a_bos_that_the_tokenizer_adds_stands_before_a_text_template_once():
    from tokenizers.processors import TemplateProcessing

    tokenizer = llama3_tokenizer()
    bos = "<|begin_of_text|>"
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(f"{bos} $A", special_tokens=[(bos, 128000)])
    (prompt,) = PromptFormat("{prompt}").prompts(tokenizer, [PROMPT])
    assert prompt == [128000, *tokens(tokenizer, "which", "Ġway", "Ġhome")]
    assert CHAT.prompts(tokenizer, [PROMPT])[0].count(128000) == 1
    with pytest.raises(UserError, match="twice before a prompt"):
        PromptFormat("<|begin_of_text|>{prompt}").check(tokenizer, "llama")


def test_a_template_that_sees_the_whole_conversation_is_refused():
    tokenizer = llama3_tokenizer()
    rest = tokenizer.chat_template.removeprefix("{{ bos_token }}")
    tokenizer.chat_template = "{{ bos_token }}{% if messages | length > 1 %}left{% endif %}" + rest
    with pytest.raises(UserError, match="differently alone than inside a conversation"):
        CHAT.check(tokenizer, "ORG/NAME")


def test_an_end_that_the_template_does_not_write_is_refused():
    tokenizer = llama3_tokenizer()
    tokenizer.eos_token = "<|end_of_text|>"  # as in a base model whose template was copied from the instruct one
    with pytest.raises(UserError, match=r"'<\|end_of_text\|>' 0 times"):
        CHAT.check(tokenizer, "ORG/NAME")


def test_without_a_template_one_is_asked_for():
    with pytest.raises(UserError, match=r"'gpt2' has no chat template.*suite.template="):
        CHAT.check(gpt2_tokenizer(), "gpt2")


def test_a_template_that_fails_is_named():
    tokenizer = llama3_tokenizer("{{ raise_exception('only one turn') }}")
    with pytest.raises(UserError, match=r"chat template of 'ORG/NAME' fails: .*only one turn"):
        CHAT.check(tokenizer, "ORG/NAME")
