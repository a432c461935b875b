"""Reading the Emotion texts: what is accepted, and how every mistake is answered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import UserError
from benchmark.suites.emotion.concatenate import concatenate, halves
from benchmark.suites.emotion.data import OBJECTIVES, Texts, folder_fingerprint, read_folder, read_hub


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.txt").write_text("i am glad;joy\ni wept; and wept;sadness\n\noh my;surprise\nhow sweet;love\n")
    (tmp_path / "validation.txt").write_text("what a rage;anger\n")
    (tmp_path / "test.txt").write_text("i am scared;fear\n")
    return tmp_path


def test_reads_texts_and_labels(folder):
    texts = read_folder(folder, "train")
    assert texts.texts == ["i am glad", "i wept; and wept", "how sweet"]  # surprise is dropped, the last ; separates
    assert [OBJECTIVES[row.argmax()] for row in texts.labels] == ["joy", "sadness", "love"]
    np.testing.assert_array_equal(texts.labels.sum(axis=1), 1)


def test_the_folder_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"suite.data_dir: .*nowhere' is not a folder"):
        read_folder(tmp_path / "nowhere", "train")


def test_files_are_missing(folder):
    (folder / "train.txt").unlink()
    (folder / "test.txt").unlink()
    with pytest.raises(UserError, match=r"lacks train.txt, test.txt\. It must hold"):
        read_folder(folder, "validation")


@pytest.mark.parametrize("line", ["no label here", "no label;", ";joy", ";"])
def test_malformed_lines_are_named(folder, line):
    (folder / "validation.txt").write_text(f"fine;joy\n\n{line}\n")
    with pytest.raises(UserError, match=rf"validation.txt, line 3: expected text;label, got '{line}'"):
        read_folder(folder, "validation")


def test_an_unknown_label_is_answered_with_the_nearest(folder):
    (folder / "test.txt").write_text("fine;joy\nterrible;sadnes\n")
    with pytest.raises(UserError, match=r"test.txt, line 2: unknown label 'sadnes' .*Did you mean 'sadness'\? Allowed"):
        read_folder(folder, "test")


def test_long_lines_are_shortened(folder):
    (folder / "test.txt").write_text("word " * 100_000)
    with pytest.raises(UserError) as caught:
        read_folder(folder, "test")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("content", ["", "\n\n", "oh;surprise\n"])
def test_an_empty_split(folder, content):
    (folder / "validation.txt").write_text(content)
    with pytest.raises(UserError, match=r"validation.txt holds no text with one of the labels"):
        read_folder(folder, "validation")


def test_a_file_that_is_not_text(folder):
    (folder / "train.txt").write_bytes(b"caf\xe9;joy\n")
    with pytest.raises(UserError, match="is not UTF-8"):
        read_folder(folder, "train")


def test_the_fingerprint_is_of_the_content_alone(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("elsewhere")
    for name in ("train.txt", "validation.txt", "test.txt"):
        (other / name).write_bytes((folder / name).read_bytes())
    assert folder_fingerprint(other) == folder_fingerprint(folder)
    (other / "test.txt").write_text("i am scared;joy\n")
    assert folder_fingerprint(other) != folder_fingerprint(folder)


def test_without_the_hub_one_message_names_the_way_out(monkeypatch):
    import datasets

    def unreachable(*arguments, **options):
        raise ConnectionError("Couldn't reach 'dair-ai/emotion' on the Hub\nand more lines")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    expected = r"(?s)dair-ai/emotion \(revision 'abc'\).*--set suite.data_dir=FOLDER"
    with pytest.raises(UserError, match=expected) as caught:
        read_hub("abc", "train")
    assert "more lines" not in str(caught.value)


def test_the_hub_s_rows_read_like_the_folder_s(monkeypatch):
    import datasets

    names = ["sadness", "joy", "love", "anger", "fear", "surprise"]
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=names)})
    rows = datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [4, 5, 0]}, features=features)
    asked = {}

    def load_dataset(**options):
        asked.update(options)
        return rows

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    texts = read_hub("abc", "test")
    assert asked == {"path": "dair-ai/emotion", "name": "split", "revision": "abc", "split": "test"}
    assert texts.texts == ["a", "c"]
    assert [OBJECTIVES[row.argmax()] for row in texts.labels] == ["fear", "sadness"]


def _numbered(count: int) -> Texts:
    labels = np.eye(5)[np.arange(count) % 5]
    return Texts([f"text{number}" for number in range(count)], labels)


def test_halves_are_disjoint_and_together_the_whole():
    texts = _numbered(1000)
    first, second = halves(Texts(texts.texts * 2, np.concatenate([texts.labels, texts.labels])))
    assert not set(first.texts) & set(second.texts)  # a text that occurs twice stands in one half
    assert len(first) + len(second) == 2000
    assert 900 < len(first) < 1100
    assert halves(texts.take(range(999, -1, -1)))[0].texts[::-1] == halves(texts)[0].texts


def test_concatenated_texts_carry_the_union_of_their_labels():
    texts = _numbered(40)
    joined = concatenate(texts, 3000, np.random.default_rng(0))
    for text, labels in zip(joined.texts, joined.labels, strict=True):
        rows = [int(part.removeprefix("text")) for part in text.split(" ")]
        np.testing.assert_array_equal(labels, texts.labels[rows].max(axis=0))
    lengths = np.bincount([len(text.split(" ")) for text in joined.texts])
    assert lengths[0] == 0 and len(lengths) == 4
    np.testing.assert_allclose(lengths[1:] / 3000, 1 / 3, atol=4 * np.sqrt(2 / 9 / 3000))  # four standard errors
