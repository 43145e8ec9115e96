import pytest

from utils.errors import ConfigurationError
from utils.postgres.url import DatabaseUrl, parse_url

REMOTE = "postgresql://app:s3cret@db.example.com:5433/shop"


def test_every_part_of_a_url_is_read_and_percent_decoded():
    url = parse_url("postgresql://us%40er:p%2Fw@h.example:5433/my%20db?sslmode=verify-ca&sslrootcert=ca.pem", {})

    assert url == DatabaseUrl("h.example", 5433, "my db", "us@er", "p/w", "verify-ca", "ca.pem")


def test_tls_is_verified_unless_the_url_says_otherwise():
    assert parse_url(REMOTE, {}).sslmode == "verify-full"
    assert parse_url("postgresql://app@localhost/shop", {}).sslmode == "verify-full"


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require"])
def test_unverified_tls_is_refused_beyond_this_machine(mode):
    with pytest.raises(ConfigurationError, match="only for a server on this machine"):
        parse_url(f"{REMOTE}?sslmode={mode}", {})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_plain_text_is_allowed_on_loopback(host):
    assert parse_url(f"postgresql://app@{host}/shop?sslmode=disable", {}).ssl_context() is False


def test_a_host_that_only_looks_like_loopback_is_remote():
    with pytest.raises(ConfigurationError):
        parse_url("postgresql://app@127.0.0.1.evil.example/shop?sslmode=disable", {})


def test_a_verified_context_checks_name_and_certificate():
    context = parse_url(REMOTE, {}).ssl_context()

    assert context.check_hostname is True
    assert context.verify_mode.name == "CERT_REQUIRED"


def test_no_text_of_a_url_shows_its_password():
    url = parse_url(REMOTE, {})

    assert "s3cret" not in f"{url} {url!r}"


@pytest.mark.parametrize(
    "text",
    [
        "mysql://a:s3cret@h/d",
        "postgresql://a:s3cret@h:notaport/d",
        "postgresql://a:s3cret@h",
        f"{REMOTE}?sslmod=disable",
    ],
)
def test_a_wrong_url_is_refused_without_repeating_its_password(text):
    with pytest.raises(ConfigurationError) as refusal:
        parse_url(text, {})

    assert "s3cret" not in str(refusal.value)


def test_a_missing_password_comes_from_pgpassword():
    assert parse_url("postgresql://app@h.example/shop", {"PGPASSWORD": "from env"}).password == "from env"


def write_pgpass(folder, text, mode=0o600):
    path = folder / "pgpass"
    path.write_text(text)
    path.chmod(mode)
    return {"PGPASSFILE": str(path)}


def test_a_missing_password_comes_from_the_first_matching_line_of_pgpass(tmp_path):
    lines = "other:*:*:*:no\n*:5432:shop:app:with\\:colon\n*:*:*:*:later\n"

    assert parse_url("postgresql://app@h.example/shop", write_pgpass(tmp_path, lines)).password == "with:colon"


def test_a_pgpass_file_that_others_can_read_is_ignored(tmp_path):
    environment = write_pgpass(tmp_path, "*:*:*:*:open\n", mode=0o644)

    assert parse_url("postgresql://app@h.example/shop", environment).password is None
