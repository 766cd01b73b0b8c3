"""Access tokens: /api/v2/tokens. A secret is shown once, in the answer that made it."""

from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from assay.access.policies import check_statements
from assay.access.rights import custom_role_ids, own_grant, require_cover
from assay.access.tokens import digest, mint, new_secret
from assay.api.call import VERSIONS, Answer, Call, Operation
from assay.api.paging import paged
from assay.api.patching import converted, only_json, parse_patch, patched
from assay.api.representations.tokens import TokenRep, TokensRep, statement_reps, token_rep
from assay.errors import Conflict, InvalidRequest, NotFound
from assay.store.records import Statement, Token
from assay.store.state import State
from assay.store.transaction import Transaction

LONGEST_TEXT = 1000
LATEST_EXPIRY = 2**53

# A token has one of these.
RIGHTS = ("role", "customRoleIds", "inlineRole")


class TokenPost(msgspec.Struct, frozen=True, rename="camel"):
    """A new token: a built-in role, custom roles (their keys or ids), or statements of its own."""

    name: str = ""
    description: str = ""
    role: Literal["reader", "writer", "admin", ""] = ""
    custom_role_ids: tuple[str, ...] = ()
    inline_role: tuple[Statement, ...] = ()
    service_token: bool = False
    default_api_version: int | None = None
    expiry: int | None = None


def list_tokens(call: Call) -> Answer:
    tokens = list(call.rooms.store.state.all("token").values())
    page = paged(call, tokens, "tokens", default=25)
    return Answer(body=page | {"items": [_rep(call, token) for token in page["items"]]})


def get_token(call: Call) -> Answer:
    return Answer(body=_rep(call, _found(call.rooms.store.state, call.path["token"])))


def create_token(call: Call) -> Answer:
    """The answer is the only place that ever shows the secret. Nobody can make a token with more rights than theirs."""
    asked, secret = converted(call.object(), TokenPost), new_secret()
    with call.rooms.store.writing(call.actor) as transaction:
        token = mint(asked.name, "", secret, transaction.now_ms, service_token=asked.service_token)
        token = replace(token, member_id=call.token.member_id)
        token = _as_asked(transaction.state, token, asked, transaction.now_ms)
        require_cover(transaction.state, call.token, own_grant(transaction.state, token))
        transaction.put(("token", "", token.id), token, "createAccessToken")
    return Answer(201, _rep(call, token) | {"token": secret})


def patch_token(call: Call) -> Answer:
    patch = only_json(parse_patch(call.body))
    with call.rooms.store.writing(call.actor, patch.comment) as transaction:
        token = _found(transaction.state, call.path["token"])
        before = _document(token)
        after = patched(before, patch)
        if after.get("serviceToken") != token.service_token:
            raise InvalidRequest("a token can't become a service token, or cease to be one")
        changed = _as_asked(
            transaction.state, token, converted(_one_right(before, after), TokenPost), transaction.now_ms
        )
        if changed != token:
            changed = replace(changed, last_modified=transaction.now_ms)
        _require_reach(call, transaction.state, token, changed)
        transaction.put(("token", "", token.id), changed, "updateAccessToken")
        require_an_admin(transaction)
    return Answer(body=_rep(call, changed))


def reset_token(call: Call) -> Answer:
    """Gives the token another secret. The old one opens until `expiry` (epoch ms), or not at all without it."""
    until, secret = call.whole_number("expiry") or 0, new_secret()
    with call.rooms.store.writing(call.actor) as transaction:
        token = _found(transaction.state, call.path["token"])
        _require_reach(call, transaction.state, token)
        kept = (token.digest, until) if until > transaction.now_ms else ("", 0)
        changed = replace(
            token,
            digest=digest(secret),
            ending=secret[-4:],
            old_digest=kept[0],
            old_expiry=kept[1],
            last_modified=transaction.now_ms,
        )
        transaction.put(("token", "", token.id), changed, "resetAccessToken")
    return Answer(body=_rep(call, changed) | {"token": secret})


def delete_token(call: Call) -> Answer:
    with call.rooms.store.writing(call.actor) as transaction:
        token = _found(transaction.state, call.path["token"])
        transaction.put(("token", "", token.id), None, "deleteAccessToken")
        require_an_admin(transaction)
    return Answer(204)


def require_an_admin(transaction: Transaction) -> None:
    """Raises `Conflict` where no token would be left that can do everything, for ever."""
    tokens = transaction.state.all("token").values()
    if not any(token.role == "admin" and not token.expiry for token in tokens):
        raise Conflict("this is the last admin token, and has to stay one")


def _found(state: State, token_id: str) -> Token:
    token: Token | None = state.find(("token", "", token_id))
    if token is None:
        raise NotFound(f"Unknown token id {token_id!r}")
    return token


def _as_asked(state: State, token: Token, asked: TokenPost, now_ms: int) -> Token:
    """The token with what was asked for, checked."""
    if max(len(asked.name), len(asked.description)) > LONGEST_TEXT:
        raise InvalidRequest(f"name and description have at most {LONGEST_TEXT} characters")
    given = [name for name, value in zip(RIGHTS, _rights(asked), strict=True) if value]
    if len(given) > 1:
        raise InvalidRequest(f"a token has one of {', '.join(RIGHTS)}, not {' and '.join(given)}")
    version = asked.default_api_version or None
    if version is not None and str(version) not in VERSIONS:
        raise InvalidRequest(f"defaultApiVersion is one of {', '.join(VERSIONS)}")
    expiry = asked.expiry or 0
    if expiry != token.expiry and expiry and not now_ms < expiry <= LATEST_EXPIRY:
        raise InvalidRequest("expiry is a time to come, in epoch milliseconds")
    return replace(
        token,
        name=asked.name,
        description=asked.description,
        role=asked.role or ("" if given else "reader"),
        custom_role_ids=custom_role_ids(state, asked.custom_role_ids),
        inline_role=check_statements(asked.inline_role),
        default_api_version=version,
        expiry=expiry,
    )


def _rights(asked: TokenPost) -> tuple[object, object, object]:
    return asked.role, asked.custom_role_ids, asked.inline_role


def _document(token: Token) -> dict[str, Any]:
    """What a patch may change; a field without a value is there all the same, to be replaced."""
    return {
        "name": token.name,
        "description": token.description,
        "role": token.role,
        "customRoleIds": list(token.custom_role_ids),
        "inlineRole": statement_reps(token.inline_role),
        "serviceToken": token.service_token,
        "defaultApiVersion": token.default_api_version,
        "expiry": token.expiry,
    }


def _one_right(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Whoever gives a token a role takes its policy away with it, and the other way round."""
    given = [name for name in RIGHTS if after.get(name) and after[name] != before[name]]
    return {name: value for name, value in after.items() if name not in RIGHTS or not given or name in given}


def _require_reach(call: Call, state: State, *tokens: Token) -> None:
    require_cover(state, call.token, *(own_grant(state, token) for token in tokens))


def _rep(call: Call, token: Token) -> TokenRep:
    owner = call.rooms.store.state.find(("member", "", token.member_id)) if token.member_id else None
    return token_rep(token, owner, call.rooms.last_uses.of(token.id), modern=call.modern)


TOKEN = "/api/v2/tokens/{token}"  # noqa: S105  # a path
EXPIRING = ("expiry",)

OPERATIONS = (
    Operation(
        "GET",
        "/api/v2/tokens",
        "admin",
        list_tokens,
        answer=TokensRep,
        query=("limit", "offset", "showAll"),
    ),
    Operation("POST", "/api/v2/tokens", "admin", create_token, status=201, body=TokenPost, answer=TokenRep),
    Operation("GET", TOKEN, "admin", get_token, answer=TokenRep),
    Operation("PATCH", TOKEN, "admin", patch_token, answer=TokenRep),
    Operation("DELETE", TOKEN, "admin", delete_token, status=204),
    Operation(
        "POST",
        f"{TOKEN}/reset",
        "admin",
        reset_token,
        answer=TokenRep,
        query=EXPIRING,
        action="resetAccessToken",
    ),
)
