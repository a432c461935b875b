"""The words of the grammar, and how strongly each speaks of an emotion.

Every word belongs to exactly one slot (punctuation apart), so the slot of a word is known from the word alone. An
emotional word may stand in the lists of two emotions: `frantic` is a word of fear (0.7) and of anger (0.5).
"""

from __future__ import annotations

OBJECTIVES = ("anger", "fear", "joy", "sadness", "love")
EMOTIONS = (*OBJECTIVES, "calm")  # what a sentence may be about; calm words carry no strength

TIMES = ("yesterday", "today", "tonight", "recently", "earlier", "later", "once", "eventually")
DETERMINERS = ("my", "our", "the")
PERSONS = {  # the possessive that agrees with the person
    "her": ("sister", "mother", "daughter", "aunt", "niece", "grandmother"),
    "his": ("brother", "father", "son", "uncle", "nephew", "grandfather"),
    "their": ("friends", "parents", "cousins", "children", "neighbours", "guests"),
}
MOTIONS = ("walked", "went", "drove", "hurried", "returned", "travelled")
PLACES = {  # the emotion that a place makes likely
    "anger": ("court", "border", "office"),
    "fear": ("forest", "hospital", "cellar"),
    "joy": ("fair", "beach", "party"),
    "sadness": ("graveyard", "ruin", "station"),
    "love": ("wedding", "garden", "nursery"),
    "calm": ("market", "library", "kitchen"),
}
FEELINGS = ("felt", "grew", "seemed", "became", "looked")
OBJECTS = ("dog", "cat", "horse", "letter", "teacher", "book", "picture", "doctor", "boat", "dinner", "song", "lawyer")

INTENSIFIERS = {"barely": 0.3, "slightly": 0.6, "rather": 1.2, "very": 1.5, "truly": 1.7, "extremely": 2.0}
QUANTITIES = {"little": 0.4, "some": 0.8, "great": 1.5, "endless": 2.0}

_TABLES = {
    "adjective": """
        anger: furious 1.0, outraged 0.9, angry 0.8, bitter 0.6, frantic 0.5, annoyed 0.4
        fear: terrified 1.0, afraid 0.8, frantic 0.7, scared 0.7, anxious 0.5, nervous 0.4
        joy: joyful 1.0, delighted 0.9, happy 0.8, merry 0.6, radiant 0.5, pleased 0.4
        sadness: heartbroken 1.0, miserable 0.9, sad 0.8, gloomy 0.6, lonely 0.5, wistful 0.3
        love: loving 1.0, devoted 0.9, tender 0.7, fond 0.5, radiant 0.4, wistful 0.4
        calm: calm 0, quiet 0, busy 0, patient 0, sleepy 0, ordinary 0
    """,
    "adverb": """
        anger: angrily 0.9, fiercely 0.8, harshly 0.7, rudely 0.5, wildly 0.5, tensely 0.3
        fear: fearfully 0.9, shakily 0.7, anxiously 0.6, timidly 0.5, tensely 0.5, wildly 0.4
        joy: joyfully 1.0, happily 0.8, cheerfully 0.7, gladly 0.6, playfully 0.5, warmly 0.3
        sadness: mournfully 1.0, tearfully 0.9, sadly 0.8, gloomily 0.7, wearily 0.4, softly 0.2
        love: lovingly 1.0, dearly 0.8, tenderly 0.7, fondly 0.6, warmly 0.5, softly 0.3
        calm: slowly 0, quietly 0, simply 0, carefully 0, briefly 0, calmly 0
    """,
    "verb": """
        anger: cursed 1.0, attacked 0.9, insulted 0.8, blamed 0.6, confronted 0.5, grabbed 0.4
        fear: dreaded 1.0, feared 0.9, shielded 0.6, avoided 0.5, grabbed 0.4, confronted 0.3
        joy: celebrated 1.0, enjoyed 0.8, cheered 0.8, praised 0.6, thanked 0.5, welcomed 0.4
        sadness: mourned 1.0, grieved 0.9, buried 0.8, regretted 0.7, missed 0.6, lost 0.5
        love: adored 1.0, cherished 0.9, kissed 0.8, hugged 0.7, missed 0.4, welcomed 0.3
        calm: found 0, watched 0, moved 0, carried 0, noticed 0, followed 0
    """,
    "noun": """
        anger: rage 1.0, fury 0.9, anger 0.8, spite 0.7, tension 0.4, irritation 0.4
        fear: terror 1.0, dread 0.9, fear 0.8, panic 0.8, tension 0.5, worry 0.4
        joy: bliss 1.0, joy 0.9, delight 0.8, laughter 0.7, gratitude 0.4, relief 0.3
        sadness: grief 1.0, sorrow 0.9, sadness 0.8, tears 0.7, regret 0.5, longing 0.4
        love: passion 1.0, love 0.9, affection 0.8, kindness 0.5, longing 0.4, gratitude 0.3
        calm: care 0, patience 0, interest 0, effort 0, ease 0, attention 0
    """,
    "wish": """
        anger: fight 1.0, threaten 0.9, shout 0.7, scream 0.6, argue 0.5, complain 0.3
        fear: flee 1.0, escape 0.9, hide 0.8, tremble 0.8, scream 0.6, hesitate 0.3
        joy: celebrate 1.0, laugh 0.9, dance 0.8, sing 0.7, play 0.5, smile 0.5
        sadness: weep 1.0, cry 0.9, mourn 0.9, surrender 0.5, sigh 0.4, apologise 0.3
        love: marry 1.0, embrace 0.8, cuddle 0.7, flirt 0.5, help 0.3, smile 0.3
        calm: rest 0, sit 0, wait 0, read 0, sleep 0, listen 0
    """,
}


def _parse(table: str) -> dict[str, dict[str, float]]:
    """`emotion: word strength, ...` lines as strength by emotion and word."""
    lines = [line.split(":") for line in table.strip().splitlines()]
    return {
        emotion.strip(): {word: float(strength) for word, strength in map(str.split, words.split(","))}
        for emotion, words in lines
    }


# Strength of every emotional word, by slot, emotion and word: STRENGTHS["adjective"]["anger"]["furious"] == 1.0.
STRENGTHS: dict[str, dict[str, dict[str, float]]] = {slot: _parse(table) for slot, table in _TABLES.items()}
