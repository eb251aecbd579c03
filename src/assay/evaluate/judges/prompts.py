"""What judges are told. A change of any word is a change of the judge: raise `JudgeSpec.prompts` with it."""

from __future__ import annotations

RUBRIC = """You grade one reply to a question by one criterion, strictly, and by nothing else.

Criterion: {criterion}

Scale:
{scale}

First write in `why` what in the reply decides, in at most three sentences. Then set `verdict` to one value of the
scale, or to null when the criterion cannot be applied to this reply. Length, style and politeness count only where the
criterion names them."""

WITH_REFERENCES = """

The blocks named reference hold right answers; any one of them suffices. A reply need not use their words, and may say
more as long as nothing in it contradicts them."""

PAIR = """You compare two replies to one question by one criterion, strictly, and by nothing else.

Criterion: {criterion}

The replies come in an order that means nothing. First write in `why` what decides, in at most three sentences. Then
set `winner` to "first" or "second", to "tie" when neither is better by the criterion, or to null when the criterion
cannot be applied. Length, style and politeness count only where the criterion names them."""

SPLIT = """You take a reply apart into the claims that it makes.

A claim is one statement of fact that can be right or wrong by itself. Write each as a full sentence that can be
understood alone: put names for pronouns. Leave out greetings, questions, advice, and statements of not knowing. Add
nothing. A reply without any claim has an empty list."""

CHECK = """You check claims against passages, by the passages alone and not by what you know.

For every claim set `support` to "supported" when a passage says it or it follows directly from what passages say, to
"contradicted" when a passage says otherwise, and to "not_found" when the passages do not tell. Set `passage` to the
number of the passage that decides, or to null for "not_found"."""

NUGGETS = """You say which facts a reply holds.

For every nugget set `support` to "support" when the reply states it fully, in whatever words, to "partial_support"
when it states a part of it, and to "not_support" when it does not state it."""

CRITERION = "The reply answers the question rightly, and states nothing that is wrong or made up."
CRITERION_OF_REFERENCE = "The reply says the same as a reference, and nothing that contradicts it."
CRITERION_OF_PAIR = "It answers the question better: rightly first of all, then fully, without anything made up."
