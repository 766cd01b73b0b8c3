"""Access tokens as clients read them: never their secret, but in the answer that made it."""

from typing import Any, Required, TypedDict, cast

import msgspec

from assay.api.links import link
from assay.api.representations.members import MemberSummary, member_summary
from assay.store.records import Member, Statement, Token

# The version of the API that requests get which name none.
FOUNDING = 20160426


class StatementRep(TypedDict, total=False):
    """One sentence of a policy."""

    effect: Required[str]
    resources: list[str]
    notResources: list[str]
    actions: list[str]
    notActions: list[str]


class TokenRep(TypedDict, total=False):
    """An access token; `token` is its secret where it was just made, else the secret's last characters."""

    _id: Required[str]
    ownerId: Required[str]
    memberId: Required[str]
    _member: MemberSummary
    name: Required[str]
    description: str
    role: str
    customRoleIds: list[str]
    inlineRole: list[StatementRep]
    token: Required[str]
    serviceToken: Required[bool]
    creationDate: Required[int]
    lastModified: Required[int]
    lastUsed: int
    expiry: int
    defaultApiVersion: Required[int]
    _links: Required[dict[str, Any]]


class TokensRep(TypedDict):
    """A page of access tokens."""

    items: list[TokenRep]
    totalCount: int
    _links: dict[str, Any]


def statement_reps(statements: tuple[Statement, ...]) -> list[StatementRep]:
    # By way of JSON: a patch can add to lists, not to the tuples of records.
    return msgspec.json.decode(msgspec.json.encode(statements), type=list[StatementRep])


def token_rep(token: Token, owner: Member | None, last_used: int, *, modern: bool) -> TokenRep:
    """A token; clients want an owner of each, so a token whose owner is gone is its own.

    Clients of the founding generation can't read a policy whose resources are texts, so they get none.
    """
    body: TokenRep = {
        "_id": token.id,
        "ownerId": token.member_id or token.id,
        "memberId": token.member_id or token.id,
        "name": token.name,
        "token": token.ending,
        "serviceToken": token.service_token,
        "creationDate": token.creation_date,
        "lastModified": token.last_modified or token.creation_date,
        "defaultApiVersion": token.default_api_version or FOUNDING,
        "_links": {"self": link("tokens", token.id), "parent": link("tokens")},
    }
    if owner is not None:
        body["_member"] = member_summary(owner)
    optional = {
        "description": token.description,
        "role": token.role,
        "customRoleIds": list(token.custom_role_ids),
        "inlineRole": statement_reps(token.inline_role) if modern else [],
        "lastUsed": last_used,
        "expiry": token.expiry,
    }
    return cast(TokenRep, {**body, **{name: value for name, value in optional.items() if value}})
