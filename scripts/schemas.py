"""Write the JSON Schemas that are shipped: run it after a change of what files may say."""

from tracbridge.config.schema import SHIPPED, written


def main() -> None:
    """All of them."""
    SHIPPED.mkdir(exist_ok=True)
    for name, text in written().items():
        (SHIPPED / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
