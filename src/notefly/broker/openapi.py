"""The API as OpenAPI 3.1, made from the same declarations that the routes are made from."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode
from pydantic_core import to_json

from notefly.broker.answers import JSON
from notefly.broker.body import FORM, NDJSON
from notefly.broker.openapi_examples import PLACES, example
from notefly.broker.openapi_texts import ABOUT, HEADERS, SAID, SAID_WITH, SCHEMES
from notefly.broker.problems import PROBLEM
from notefly.broker.routing import Access, Body, Gives, Operation, Route, Routes
from notefly.broker.views import ProblemView

Schema = dict[str, Any]
REF = "#/components/schemas/{model}"
ANY_REQUEST = (400, 421, 429, 431, 500, 503)
CHANGING = (403,)
WITH_KEY = (401, 403)
WITH_PATH = (404,)
WITH_BODY = (408, 413, 415, 422)
WITH_QUERY = (422,)


@dataclass(frozen=True, slots=True)
class Document:
    """The document as it is served."""

    json: bytes


def document(version: str, groups: Iterable[Routes]) -> Document:
    """The whole of it."""
    groups = tuple(groups)
    schemas = _Schemas(groups)
    paths: dict[str, Schema] = {}
    for group in groups:
        for route in group.routes:
            described = _operation(group.name, route, schemas)
            paths.setdefault(route.path, {})[route.method.lower()] = described
    return Document(
        to_json(
            {
                "openapi": "3.1.0",
                "info": {"title": "Notefly", "version": version, "description": ABOUT},
                "tags": [{"name": group.name, "description": group.about} for group in groups],
                "paths": paths,
                "components": {"schemas": schemas.definitions, "securitySchemes": SCHEMES},
            }
        )
    )


class _Schemas:
    """Every type that is named anywhere, once."""

    def __init__(self, groups: Iterable[Routes]) -> None:
        wanted = {(repr(kind), mode): (kind, mode) for kind, mode in _kinds(groups)}
        inputs = [(key, mode, TypeAdapter(kind)) for (key, mode), (kind, _) in wanted.items()]
        found, described = TypeAdapter.json_schemas(inputs, ref_template=REF)
        self._found = found
        self.definitions: dict[str, Schema] = described.get("$defs", {})

    def of(self, kind: Any, mode: JsonSchemaMode) -> Schema:
        return self._found[repr(kind), mode]


def _kinds(groups: Iterable[Routes]) -> Iterator[tuple[Any, JsonSchemaMode]]:
    yield ProblemView, "serialization"
    for group in groups:
        for route in group.routes:
            operation = route.operation
            if operation.body is not None:
                yield operation.body.kind, "validation"
            for gives in operation.gives.values():
                if gives.kind is not None:
                    yield gives.kind, "serialization"


def _operation(tag: str, route: Route, schemas: _Schemas) -> Schema:
    operation = route.operation
    described: Schema = {
        "operationId": route.handler.__name__,
        "tags": [tag],
        "summary": operation.summary,
        "security": list(_security(route.access)),
        "responses": _responses(route, schemas),
    }
    if operation.description:
        described["description"] = operation.description
    if parameters := [*_path(route), *_query(operation), *_headers(operation.headers)]:
        described["parameters"] = parameters
    if operation.body is not None:
        described["requestBody"] = _body(operation.body, schemas)
    return described


def _security(access: Access) -> Iterator[Schema]:
    """Any one of them; nothing where it is open to everybody."""
    for scope in access.scopes:
        yield {"key": [scope]}
    if access.link:
        yield {"link": []}


def _errors(route: Route) -> list[int]:
    """What follows from the shape of a route, and what it adds."""
    codes = {*ANY_REQUEST, *route.operation.errors}
    if route.method != "GET":
        codes.update(CHANGING)
    if route.access.scopes:
        codes.update(WITH_KEY)
    if "{" in route.path:
        codes.update(WITH_PATH)
    if route.operation.body is not None:
        codes.update(WITH_BODY)
    if route.operation.query.model_fields:
        codes.update(WITH_QUERY)
    return sorted(codes)


def _responses(route: Route, schemas: _Schemas) -> Schema:
    """What a route gives; where it may be an error as well, that is problem+json."""
    found = {str(code): _refusal(code, schemas) for code in _errors(route)}
    for code, gives in route.operation.gives.items():
        described, refusal = _answer(code, gives, schemas), found.get(str(code))
        if refusal is not None and "content" in described:
            described["content"] = {**refusal["content"], **described["content"]}
        found[str(code)] = described
    return found


def _answer(code: int, gives: Gives, schemas: _Schemas) -> Schema:
    described: Schema = {"description": gives.text or HTTPStatus(code).phrase}
    names = (*gives.headers, "Link") if gives.paged else gives.headers
    if names:
        described["headers"] = {
            name: {"description": HEADERS[name], "schema": {"type": "string"}} for name in names
        }
    if gives.kind is not None:
        one = schemas.of(gives.kind, "serialization")
        described["content"] = {
            media: {"schema": _page(one) if gives.paged else one}
            if media == JSON
            else {"schema": {"type": "string"}, "x-each": one}
            if gives.kind is not str
            else {"schema": {"type": "string"}}
            for media in gives.media
        }
    return described


def _page(one: Schema) -> Schema:
    return {
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": {"type": "array", "items": one},
            "next": {"type": ["string", "null"], "description": "The cursor of the next page."},
        },
    }


def _refusal(code: int, schemas: _Schemas) -> Schema:
    described: Schema = {
        "description": SAID[code],
        "content": {PROBLEM: {"schema": schemas.of(ProblemView, "serialization")}},
    }
    if code in SAID_WITH:
        described["headers"] = {
            name: {"description": HEADERS[name], "schema": {"type": "string"}}
            for name in SAID_WITH[code]
        }
    return described


def _path(route: Route) -> Iterator[Schema]:
    """With an example that can be tried out; who deletes says what."""
    for name in re.findall(r"{(\w+)}", route.path):
        known = name in PLACES and route.method != "DELETE"
        shown = {"example": PLACES[name]} if known else {}
        described = {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        yield described | shown


def _query(operation: Operation) -> Iterator[Schema]:
    schema = operation.query.model_json_schema(ref_template=REF)
    definitions: Mapping[str, Schema] = schema.get("$defs", {})
    for name, described in schema.get("properties", {}).items():
        inlined = _inline(described, definitions)
        parameter: Schema = {"name": name, "in": "query", "required": False, "schema": inlined}
        if "description" in inlined:
            parameter["description"] = inlined.pop("description")
        yield parameter


def _inline(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Enumerations where they are used; null means that the parameter is left out."""
    members = [member for member in schema.get("anyOf", []) if member != {"type": "null"}]
    own = {k: v for k, v in schema.items() if k not in ("anyOf", "title") and v is not None}
    merged = {**own, **members[0]} if members else own
    if "$ref" in merged:
        name = merged.pop("$ref").rpartition("/")[2]
        merged = {**definitions[name], **merged}
    return {k: v for k, v in merged.items() if k != "title"}


def _headers(names: Iterable[str]) -> Iterator[Schema]:
    for name in names:
        yield {
            "name": name,
            "in": "header",
            "required": False,
            "description": HEADERS[name],
            "schema": {"type": "string"},
        }


def _body(body: Body, schemas: _Schemas) -> Schema:
    one = schemas.of(body.kind, "validation")
    return {
        "required": body.required,
        "content": {media: _sent_as(media, body, one) for media in body.media},
    }


def _sent_as(media: str, body: Body, one: Schema) -> Schema:
    if media == FORM:
        return {"schema": one}
    shown = {"example": example(body.kind, media)}
    if media == NDJSON:
        return {"schema": {"type": "string"}, "x-each": one, **shown}
    return {"schema": one, **shown}
