"""Access tokens: /api/v2/tokens. A secret is shown once, in the answer that made it."""

from typing import Any

from msgspec.structs import replace

from assay.access.tokens import ROLES, mint, new_secret
from assay.api.call import Answer, Call, Operation
from assay.api.links import link, listing
from assay.errors import Conflict, InvalidRequest
from assay.store.records import Token
from assay.store.store import require_present


def list_tokens(call: Call) -> Answer:
    tokens = [_rep(token) for token in call.rooms.store.state.all("token").values()]
    return Answer(body=listing(tokens, len(tokens), "tokens"))


def get_token(call: Call) -> Answer:
    address = ("token", "", call.path["token"])
    require_present(call.rooms.store.state, address)
    return Answer(body=_rep(call.rooms.store.state.find(address)))


def create_token(call: Call) -> Answer:
    body = call.object()
    role, name = body.get("role", "reader"), body.get("name", "")
    if role not in ROLES or not isinstance(name, str):
        raise InvalidRequest(f"a token has a name and a role, one of {', '.join(ROLES)}")
    for refused in ("inlineRole", "customRoleIds"):
        if body.get(refused):
            raise InvalidRequest(
                f"{refused} is not possible; a token has one of the roles {', '.join(ROLES)}"
            )
    secret = new_secret()
    with call.rooms.store.writing(call.actor) as transaction:
        service = body.get("serviceToken", False) is True
        token = mint(name, role, secret, transaction.now_ms, service_token=service)
        version = body.get("defaultApiVersion")
        token = replace(token, default_api_version=version) if type(version) is int else token
        transaction.put(("token", "", token.id), token, "createToken")
    return Answer(201, _rep(token) | {"token": secret})


def delete_token(call: Call) -> Answer:
    address = ("token", "", call.path["token"])
    with call.rooms.store.writing(call.actor) as transaction:
        require_present(transaction.state, address)
        admins = [token for token in transaction.state.all("token").values() if token.role == "admin"]
        if [token.id for token in admins] == [call.path["token"]]:
            raise Conflict("the last admin token can't be deleted")
        transaction.put(address, None, "deleteToken")
    return Answer(204)


def _rep(token: Token) -> dict[str, Any]:
    body: dict[str, Any] = {
        "_id": token.id,
        "ownerId": token.id,
        "memberId": token.id,
        "name": token.name,
        "role": token.role,
        "token": token.ending,
        "serviceToken": token.service_token,
        "creationDate": token.creation_date,
        "lastModified": token.creation_date,
        "_links": {"self": link("tokens", token.id), "parent": link("tokens")},
    }
    if token.default_api_version is not None:
        body["defaultApiVersion"] = token.default_api_version
    return body


OPERATIONS = (
    Operation("GET", "/api/v2/tokens", "admin", list_tokens),
    Operation("POST", "/api/v2/tokens", "admin", create_token),
    Operation("GET", "/api/v2/tokens/{token}", "admin", get_token),
    Operation("DELETE", "/api/v2/tokens/{token}", "admin", delete_token),
)
