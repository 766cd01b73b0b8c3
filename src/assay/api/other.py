"""What the API says of itself and of the caller: /api/v2, versions, public-ip-list, caller-identity."""

from typing import Any, Required, TypedDict

from assay.api.call import ANY_TOKEN, ANYONE, VERSIONS, Answer, Call, Operation
from assay.api.links import ROOT, link
from assay.api.representations.audit import ACCOUNT_ID

AREAS = (
    *("projects", "flags", "metrics", "segments", "tokens", "members", "roles", "webhooks", "auditlog"),
    *("tags", "versions", "caller-identity", "public-ip-list", "openapi.json"),
)


class RootRep(TypedDict):
    """Where things begin."""

    links: dict[str, Any]


class VersionsRep(TypedDict):
    """The versions of the API that `LD-API-Version` may ask for."""

    validVersions: list[int]
    latestVersion: int
    currentVersion: int
    beta: bool


class AddressesRep(TypedDict):
    """Addresses that requests go to and come from: none that Assay would know of."""

    addresses: list[str]
    outboundAddresses: list[str]


class CallerRep(TypedDict, total=False):
    """Who the caller is."""

    accountId: Required[str]
    authKind: Required[str]
    tokenKind: Required[str]
    tokenName: str
    tokenId: str
    memberId: str
    serviceToken: Required[bool]


def get_root(_: Call) -> Answer:
    links = {"self": {"href": ROOT, "type": "application/json"}}
    return Answer(body={"links": links | {area: link(area) for area in AREAS}})


def get_versions(call: Call) -> Answer:
    asked = call.version if call.version in VERSIONS else VERSIONS[-1]
    body: VersionsRep = {
        "validVersions": [int(version) for version in VERSIONS],
        "latestVersion": int(VERSIONS[-1]),
        "currentVersion": int(asked),
        "beta": call.version == "beta",
    }
    return Answer(body=body)


def get_ips(_: Call) -> Answer:
    return Answer(body={"addresses": [], "outboundAddresses": []})


def get_caller_identity(call: Call) -> Answer:
    """Whose token this is, or who is signed in."""
    token = call.token
    signed_in = token.id.startswith("member/")
    body: CallerRep = {
        "accountId": ACCOUNT_ID,
        "authKind": "member" if signed_in else "token",
        "tokenKind": "session" if signed_in else "service" if token.service_token else "personal",
        "serviceToken": token.service_token,
    }
    if not signed_in:
        body |= {"tokenId": token.id, "tokenName": token.name}
    if token.member_id:
        body["memberId"] = token.member_id
    return Answer(body=body)


OPERATIONS = (
    Operation("GET", ROOT, ANYONE, get_root, answer=RootRep),
    Operation("GET", f"{ROOT}/versions", ANY_TOKEN, get_versions, answer=VersionsRep),
    Operation("GET", f"{ROOT}/public-ip-list", ANYONE, get_ips, answer=AddressesRep),
    Operation("GET", f"{ROOT}/caller-identity", ANY_TOKEN, get_caller_identity, answer=CallerRep),
)
