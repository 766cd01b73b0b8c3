"""Many at once: no update is lost, and readers never see half of one."""

from concurrent.futures import ThreadPoolExecutor

from api.replies import fresh
from live import LiveServer

WRITERS = 50


def test_fifty_writers_of_one_flag_lose_no_update(api: LiveServer) -> None:
    key = fresh("contested")
    assert api.rest("POST", "/flags/default", {"key": key, "name": key}).status == 201

    def add_tag(number: int) -> int:
        patch = [{"op": "add", "path": "/tags/-", "value": f"t{number}"}]
        return api.rest("PATCH", f"/flags/default/{key}", patch).status

    with ThreadPoolExecutor(WRITERS) as pool:
        assert set(pool.map(add_tag, range(WRITERS))) == {200}
    flag = api.rest("GET", f"/flags/default/{key}").body
    assert sorted(flag["tags"]) == sorted(f"t{number}" for number in range(WRITERS))
    assert flag["_version"] == WRITERS + 1


def test_of_many_creators_of_one_key_exactly_one_succeeds(api: LiveServer) -> None:
    key = fresh("wanted")

    def create(number: int) -> int:
        return api.rest("POST", "/flags/default", {"key": key, "name": f"by {number}"}).status

    with ThreadPoolExecutor(16) as pool:
        statuses = sorted(pool.map(create, range(16)))
    assert statuses == [201] + [409] * 15


def test_readers_see_a_patch_whole_or_not_at_all(api: LiveServer) -> None:
    key = fresh("whole")
    assert api.rest("POST", "/flags/default", {"key": key, "name": "0"}).status == 201

    def write(number: int) -> int:
        changes = (("/name", str(number)), ("/description", str(number)))
        patch = [{"op": "replace", "path": path, "value": value} for path, value in changes]
        return api.rest("PATCH", f"/flags/default/{key}", patch).status

    def read(_: int) -> tuple[str, str]:
        body = api.rest("GET", f"/flags/default/{key}").body
        return body["name"], body["description"]

    write(0)
    with ThreadPoolExecutor(8) as pool:
        written = pool.map(write, range(40))
        seen = list(pool.map(read, range(80)))
        assert set(written) == {200}
    assert all(name == description for name, description in seen)
