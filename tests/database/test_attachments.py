"""What each role's raw SQL sees of files: row policies, behind the queries' back."""

import hashlib
from uuid import UUID

import psycopg
import pytest

SYSTEM_WRITES = (
    "INSERT INTO attachments (ticket_id, comment_id, draft_id, name, media_type, size, digest)"
)


class Files:
    """One file in each place of two customers' tickets, each with a content of its own."""

    def __init__(self, people):
        run = people.by_role(None)
        self.digests: dict[str, str] = {}
        for owner, ticket in (("own", people.ticket), ("foreign", people.foreign)):
            public = self._comment(run, people, ticket, "USER")
            note = self._comment(run, people, ticket, "INTERNAL")
            [(draft,)] = run(
                "INSERT INTO drafts (ticket_id, author_id, kind, content)"
                " VALUES (%s, %s, 'reply', 'Soon.') RETURNING id",
                ticket,
                people.agent.profile_id,
            )
            for place, comment_id, draft_id in (
                ("request", None, None),
                ("public", public, None),
                ("note", note, None),
                ("draft", None, draft),
            ):
                self._keep(run, f"{owner} {place}", ticket, comment_id, draft_id)

    def _comment(self, run, people, ticket, kind) -> UUID:
        [(comment_id,)] = run(
            "INSERT INTO comments (ticket_id, author_id, content, type, is_internal)"
            " VALUES (%s, %s, 'Hello.', %s, %s) RETURNING id",
            ticket,
            people.agent.profile_id,
            kind,
            kind == "INTERNAL",
        )
        return comment_id

    def _keep(self, run, name, ticket, comment_id, draft_id):
        content = name.encode()
        self.digests[name] = hashlib.sha256(content).hexdigest()
        run(
            "INSERT INTO attachment_contents (digest, size, content) VALUES (%s, %s, %s)",
            self.digests[name],
            len(content),
            content,
        )
        run(
            f"{SYSTEM_WRITES} VALUES (%s, %s, %s, %s, 'text/plain', %s, %s)",
            ticket,
            comment_id,
            draft_id,
            name,
            len(content),
            self.digests[name],
        )


@pytest.fixture
def files(people):
    return Files(people)


def _names(run):
    return {name for (name,) in run("SELECT name FROM attachments")}


def _contents(run):
    return {
        bytes(content).decode() for (content,) in run("SELECT content FROM attachment_contents")
    }


def test_a_customer_sees_files_of_their_request_and_of_public_comments(people, files):
    run = people.as_(people.customer)
    assert _names(run) == _contents(run) == {"own request", "own public"}
    assert run("SELECT count(*) FROM attachments WHERE draft_id IS NOT NULL") == [(0,)]


def test_knowing_a_digest_opens_nothing(people, files):
    run = people.as_(people.customer)
    for name, digest in files.digests.items():
        found = run("SELECT size FROM attachment_contents WHERE digest = %s", digest)
        assert bool(found) == (name in {"own request", "own public"})


def test_a_comment_that_turns_internal_takes_its_files_out_of_sight(people, files):
    people.by_role(None)("UPDATE comments SET type = 'INTERNAL', is_internal = true")
    assert _names(people.as_(people.customer)) == {"own request"}
    assert _contents(people.as_(people.customer)) == {"own request"}


def test_staff_and_the_product_see_every_file(people, files):
    for person in (people.agent, people.admin):
        assert _names(people.as_(person)) == _contents(people.as_(person)) == set(files.digests)
    assert _names(people.by_role(None)) == set(files.digests)


def test_nobody_but_the_product_writes_files(people, files):
    digest = files.digests["own request"]
    for person in (people.customer, people.agent, people.admin):
        run = people.as_(person)
        run.refuses(
            f"{SYSTEM_WRITES} VALUES (%s, NULL, NULL, 'a', 'text/plain', 1, %s)",
            people.ticket,
            digest,
        )
        run.refuses("INSERT INTO attachment_contents (digest, size, content) VALUES ('a', 1, 'a')")
        run.refuses("UPDATE attachments SET comment_id = NULL")
        run.refuses("UPDATE attachment_contents SET content = 'x'")
        run.refuses("DELETE FROM attachments")
        run.refuses("DELETE FROM attachment_contents")
    people.by_role(None).refuses("UPDATE attachment_contents SET size = 0")


@pytest.mark.parametrize("name", ["", "a/b", "a\\b", "a\nb", "a\x7fb", "x" * 256])
def test_a_name_with_a_path_or_control_characters_is_refused_by_the_table_too(people, files, name):
    with pytest.raises(psycopg.errors.CheckViolation):
        people.by_role(None)(
            f"{SYSTEM_WRITES} VALUES (%s, NULL, NULL, %s, 'text/plain', 1, %s)",
            people.ticket,
            name,
            files.digests["own request"],
        )


def test_a_content_that_a_file_refers_to_is_not_deleted(people, files):
    with pytest.raises((psycopg.errors.ForeignKeyViolation, psycopg.errors.RestrictViolation)):
        people.by_role(None)("DELETE FROM attachment_contents")


def test_a_content_is_stored_as_it_is_so_that_slices_of_it_are_cheap(people, files, owner):
    assert owner.execute(
        "SELECT attstorage FROM pg_attribute"
        " WHERE attrelid = 'attachment_contents'::regclass AND attname = 'content'"
    ).fetchone() == ("e",)
