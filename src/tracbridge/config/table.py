"""Every setting, in one table: what it is called, what it accepts, what it is for.

The table is the single source for reading the environment, for ``.env.example`` and for the page
``docs/reference/settings.md``.
"""

from msgspec import Struct

from tracbridge.config import parse
from tracbridge.config.parse import Parse

DAY = 86_400.0
CENTURY = 36_500
LIMIT = (
    "a number and a share of the linked orders, such as `20,5%`, of which the larger counts; or"
    " `off`"
)


class Setting(Struct, frozen=True):
    """One row of the table.

    ``field``: its name in `Settings`. ``default``: as one would write it; "" is not set, and then
    ``otherwise`` says what happens. ``accepts``: what `parse` takes, in words. ``example``: what
    ``.env.example`` shows in place of a default. ``secret``: its value stands in no message.
    ``key``: where it stands in a connection of ``tracbridge.yaml``, beside that file only there;
    "" where the environment may still say it, as the default of all connections.
    """

    name: str
    field: str
    default: str
    parse: Parse
    accepts: str
    doc: str
    otherwise: str = ""
    example: str = ""
    secret: bool = False
    key: str = ""


TABLE = (
    Setting(
        "MONGO_URI",
        "mongo_uri",
        "",
        parse.uri,
        "`mongodb://...`, `mongodb+srv://...` or `embedded`",
        "The MongoDB that holds TracOS's work orders.",
        otherwise="`mongodb://localhost:27017` if a MongoDB answers there, else the embedded one"
        " where the extra `embedded` is installed",
        example="mongodb://localhost:27017",
        secret=True,
    ),
    Setting(
        "MONGO_DATABASE",
        "mongo_database",
        "tractian",
        parse.database,
        'a database name: up to 63 bytes, no blank and none of `/ \\ . " $ * < > : | ?`',
        "TracOS's database.",
    ),
    Setting(
        "MONGO_COLLECTION",
        "mongo_collection",
        "workorders",
        parse.collection,
        "a collection name: no `$`, not beginning with `system.` or `tracbridge_`",
        "TracOS's collection of work orders.",
    ),
    Setting(
        "MONGO_MAX_RETRIES",
        "mongo_max_retries",
        "3",
        parse.whole(1000),
        "a whole number from 0 to 1000",
        "How often an operation is tried again after the first attempt.",
    ),
    Setting(
        "MONGO_RETRY_DELAY",
        "mongo_retry_delay",
        "1.0",
        parse.number(DAY, zero=False),
        "a number of seconds above 0, up to 86400",
        "Seconds before the first retry; each further delay doubles, with jitter.",
    ),
    Setting(
        "DATA_INBOUND_DIR",
        "inbound_dir",
        "data/inbound",
        parse.path,
        "a path",
        "The folder where the customer puts his files. It must exist.",
        key="customer.inbound",
    ),
    Setting(
        "DATA_OUTBOUND_DIR",
        "outbound_dir",
        "data/outbound",
        parse.path,
        "a path",
        "The folder where the customer finds our files. It must exist, outside the inbound folder.",
        key="customer.outbound",
    ),
    Setting(
        "DATA_ARCHIVE_DIR",
        "archive_dir",
        "",
        parse.path,
        "a path",
        "Where inbound files go when they are done, by day. On the inbound folder's file system.",
        otherwise="`archive` beside the inbound folder",
        example="data/archive",
        key="customer.archive",
    ),
    Setting(
        "DATA_QUARANTINE_DIR",
        "quarantine_dir",
        "",
        parse.path,
        "a path",
        "Where refused files go, by day. On the inbound folder's file system.",
        otherwise="`quarantine` beside the inbound folder",
        example="data/quarantine",
        key="customer.quarantine",
    ),
    Setting(
        "ARCHIVE_RETENTION_DAYS",
        "archive_retention_days",
        "90",
        parse.whole(CENTURY),
        "a whole number from 0 to 36500",
        "Days that archived files are kept; 0 is for ever. What an open case needs always stays.",
        key="retention.archive_days",
    ),
    Setting(
        "HISTORY_RETENTION_DAYS",
        "history_retention_days",
        "90",
        parse.whole(CENTURY),
        "a whole number from 0 to 36500",
        "Days that history is kept; 0 is for ever. What an open case needs always stays.",
        key="retention.history_days",
    ),
    Setting(
        "DATA_INBOUND_MODE",
        "inbound_mode",
        "archive",
        parse.choice("archive", "delete", "keep"),
        "`archive`, `delete` or `keep`",
        "What happens to an inbound file that is done: archived, deleted, or kept where it is"
        " (for shares that we may not write).",
        key="customer.mode",
    ),
    Setting(
        "DATA_SETTLE_SECONDS",
        "settle_seconds",
        "2",
        parse.number(DAY, zero=True),
        "a number of seconds from 0 to 86400",
        "How long a file that cannot be read to its end may be still on its way, before it is"
        " refused.",
        key="customer.settle_seconds",
    ),
    Setting(
        "DATA_MAX_FILE_MB",
        "max_file_mb",
        "64",
        parse.number(1e6, zero=False),
        "a number of megabytes above 0, up to 1000000",
        "Larger inbound files are refused unread.",
        key="customer.max_file_mb",
    ),
    Setting(
        "DATA_FILE_MODE",
        "file_mode",
        "0640",
        parse.file_mode,
        "three octal digits, such as `0640`, that let the owner read and write and give others no"
        " right to write",
        "The mode of the files that we write.",
        key="customer.file_mode",
    ),
    Setting(
        "DATA_TIMEZONE",
        "zone",
        "",
        parse.zone,
        "an IANA time zone, such as `America/Sao_Paulo`",
        "The zone of customer dates that name none.",
        otherwise="such dates are refused",
        example="America/Sao_Paulo",
        key="zone",
    ),
    Setting(
        "STATE_DATABASE",
        "state_database",
        "",
        parse.database,
        "a database name, as for `MONGO_DATABASE`",
        "The database of our own collections, `tracbridge_*`.",
        otherwise="TracOS's database",
        example="tracbridge",
    ),
    Setting(
        "CONFLICT_POLICY",
        "conflict_policy",
        "newest",
        parse.choice("newest", "tracos", "customer", "ask"),
        "`newest`, `tracos`, `customer` or `ask`",
        "Who wins a field that both sides changed differently; `ask` holds it for a person.",
        key="conflicts.policy",
    ),
    Setting(
        "DELETE_CONFLICT",
        "delete_conflict",
        "both",
        parse.choice("both", "edit_wins", "delete_wins"),
        "`both`, `edit_wins` or `delete_wins`",
        "What stays when one side deletes an order and the other edits it.",
        key="conflicts.delete",
    ),
    Setting(
        "FIRST_CONTACT",
        "first_contact",
        "check",
        parse.choice("check", "link", "hold"),
        "`check`, `link` or `hold`",
        "When both sides already have a number: link them if they look like the same order,"
        " always, or never without a person.",
        key="conflicts.first_contact",
    ),
    Setting(
        "ACKNOWLEDGE_INBOUND",
        "acknowledge_inbound",
        "true",
        parse.boolean,
        "`true`, `false`, `1`, `0`, `yes`, `no`, `on` or `off`",
        "Whether the customer is given an order once, as a receipt, after his change of it.",
        key="acknowledge.receipts",
    ),
    Setting(
        "ACK",
        "ack",
        "auto",
        parse.choice("auto", "content", "answer"),
        "`auto`, `content` or `answer`",
        "What proves that our version has arrived: its file is gone, his own export shows it, or"
        " his system answered.",
        key="acknowledge.by",
    ),
    Setting(
        "MASS_REMOVALS",
        "mass_removals",
        "20,5%",
        parse.limit,
        LIMIT,
        "How many deletions and cancellations of linked orders one pass applies to a side unasked.",
        key="guards.removals",
    ),
    Setting(
        "MASS_COMPLETIONS",
        "mass_completions",
        "100,20%",
        parse.limit,
        LIMIT,
        "How many completions of linked orders one pass applies to a side unasked.",
        key="guards.completions",
    ),
    Setting(
        "MASS_ACKNOWLEDGEMENTS",
        "mass_acknowledgements",
        "1000,50%",
        parse.limit,
        LIMIT,
        "How many outbound files may be gone in one pass and count as taken; more look like a"
        " folder that somebody emptied.",
        key="guards.acknowledgements",
    ),
    Setting(
        "LOG_LEVEL",
        "log_level",
        "INFO",
        parse.choice("TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"),
        "`TRACE`, `DEBUG`, `INFO`, `SUCCESS`, `WARNING`, `ERROR` or `CRITICAL`",
        "The least level that is logged.",
    ),
    Setting(
        "LOG_FORMAT",
        "log_format",
        "text",
        parse.choice("text", "json"),
        "`text` or `json`",
        "How log lines on stderr are written.",
    ),
    Setting(
        "MONGOD_BINARY",
        "mongod_binary",
        "",
        parse.path,
        "a path",
        "The `mongod` that the embedded MongoDB runs.",
        otherwise="the one of the extra `embedded`",
        example="/usr/bin/mongod",
    ),
)

KNOWN = {setting.name: setting for setting in TABLE}
