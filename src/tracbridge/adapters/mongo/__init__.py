"""MongoDB behind our ports.

To find out that PyOpenSSL is not there, the driver loads half of `cryptography` first: a sixth of
the time that a command takes to start. Where it is there, the driver uses it.
"""

import sys
from importlib.util import find_spec

if find_spec("OpenSSL") is None:
    sys.modules.setdefault("pymongo.pyopenssl_context", None)  # type: ignore[arg-type]
