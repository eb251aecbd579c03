"""Argilla's records as its SDK of version 2 writes them to JSON, out and in.

`Dataset.records.to_json` writes a list of objects with `id`, `fields`, `metadata`, `suggestions`, `responses`,
`vectors` and `_server_id`; `responses` holds, by the name of a question, a list of `{"value", "user_id"}`. A user is a
UUID, so a pseudonym goes out as the UUID made from it (RFC 9562, version 5), and `who` says whose a foreign one is.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

from assay.golden.labelling.exchange import Given, Incoming, Out, Reading, Who, texts

QUESTION, NOTE = "label", "note"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:assay:annotator")


def user_of(annotator: str) -> str:
    """The UUID under which a pseudonym goes out."""
    return str(uuid.uuid5(_NAMESPACE, annotator))


def write(task_name: str, items: Sequence[Out]) -> str:
    """A JSON list of records; `id` names the item when it comes back. Passes have no place in it and stay here."""
    rows = []
    for out in items:
        answers = [given for given in out.given if given.choice]
        responses = {QUESTION: [{"value": g.choice, "user_id": user_of(g.annotator)} for g in answers]}
        notes = [{"value": g.note, "user_id": user_of(g.annotator)} for g in answers if g.note]
        row: dict[str, Any] = {
            "id": out.shown.item_id,
            "fields": texts(out.shown),
            "metadata": {"task": task_name},
            "suggestions": {},
            "responses": {name: found for name, found in (*responses.items(), (NOTE, notes)) if found},
            "vectors": {},
            "_server_id": None,
        }
        rows.append(row)
    return json.dumps(rows, ensure_ascii=False, indent=1)


def read(data: bytes, name: str, who: Who) -> Incoming:
    """Every response to the question `label`; those that state another status than `submitted` are left out.

    Argilla's file does not say when a response was given. Raises BadLabels.
    """
    reading = Reading(name)
    given: list[Given] = []
    blank = 0
    for number, record in reading.records(data):
        item = reading.part(number, record, "id", str, "")
        if not item:
            reading.report(number, "$.id", "label.no_item", "is missing: it names what was labelled")
            continue
        responses = reading.part(number, record, "responses", dict, {})
        answers = reading.part(number, responses, QUESTION, list, [])
        notes = {_user(one): one.get("value") for one in responses.get(NOTE) or [] if isinstance(one, dict)}
        blank += not answers
        for at, answer in enumerate(answers):
            path = f"$.responses.{QUESTION}[{at}]"
            if not isinstance(answer, dict) or not isinstance(answer.get("value"), str) or not _user(answer):
                reading.report(number, path, "label.wrong_type", "needs a text as value and a user_id")
            elif answer.get("status", "submitted") in ("submitted", None):
                note = notes.get(_user(answer))
                person = who.get(_user(answer), _user(answer))
                said = note if isinstance(note, str) else ""
                given.append(Given(item, person, answer["value"], note=said, line=number))
    return reading.done(given, blank)


def _user(answer: dict[str, Any]) -> str:
    user = answer.get("user_id")
    return user if isinstance(user, str) else ""
