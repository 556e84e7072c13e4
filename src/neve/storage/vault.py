"""Secrets at rest: sealed with a master key that lies in a file of its own, which only its owner may read.

The file has a key in each line (32 bytes, Base64): the first seals, all of them open. So a rotation writes the new key before
the old one, seals everything anew, and then drops the old one; wherever it is interrupted, every secret can be read.
"""

import base64
import binascii
import os
import stat
from pathlib import Path
from typing import Any

from neve.domain.errors import OperatorError

_KEY_BYTES, _NONCE_BYTES = 32, 12


class Vault:
    """One master key file. It is read when it is needed first, and made with the first secret."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._keys: list[bytes] = []

    def seal(self, secret: str, about: str) -> bytes:
        """Encrypted, and bound to what it is `about`: it opens for nothing else. OperatorError."""
        self._keys = self._keys or self._read() or self._write([os.urandom(_KEY_BYTES)])
        nonce = os.urandom(_NONCE_BYTES)
        sealed: bytes = _cipher(self._keys[0]).encrypt(nonce, secret.encode(), about.encode())
        return nonce + sealed

    def unseal(self, sealed: bytes, about: str) -> str:
        """The secret. OperatorError when the master key is gone or another one."""
        from cryptography.exceptions import InvalidTag

        self._keys = self._keys or self._read()
        if not self._keys:
            raise OperatorError(
                f"the master key {self.path} is not there, so the secrets of the access keys cannot be read; restore it, or "
                "move keys.sqlite in the data directory away and make new keys"
            )
        for key in self._keys:
            try:
                opened: bytes = _cipher(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about.encode())
                return opened.decode()
            except InvalidTag:
                continue
        raise OperatorError(
            f"the master key {self.path} is not the one that the access keys were sealed with; restore that one, or move "
            "keys.sqlite in the data directory away and make new keys"
        )

    def begin_rotation(self) -> None:
        """From now on a new key seals; the old ones still open. OperatorError."""
        self._keys = self._write([os.urandom(_KEY_BYTES), *(self._keys or self._read())])

    def end_rotation(self) -> None:
        """Nothing is sealed with an old key any more. OperatorError."""
        self._keys = self._write(self._keys[:1])

    def _read(self) -> list[bytes]:
        """The keys in the file; none when there is no file."""
        try:
            with self.path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                lines = file.read(4096).split()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise OperatorError(
                f"the master key {self.path} cannot be read ({error.strerror or error}); mend it"
            ) from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise OperatorError(f"the master key {self.path} can be read by others: chmod 600 {self.path}")
        try:
            keys = [base64.b64decode(line, validate=True) for line in lines]
        except binascii.Error:
            keys = []
        if not keys or any(len(key) != _KEY_BYTES for key in keys):
            raise OperatorError(
                f"the master key {self.path} is not {_KEY_BYTES} bytes in Base64 (`head -c {_KEY_BYTES} /dev/urandom | base64`)"
            )
        return keys

    def _write(self, keys: list[bytes]) -> list[bytes]:
        """Whole or not at all, and on disk before anything is sealed with it."""
        text = b"".join(base64.b64encode(key) + b"\n" for key in keys)
        new = self.path.with_name(f"{self.path.name}.new")
        try:
            new.unlink(missing_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor: the mode counts from the beginning
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            new.replace(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise OperatorError(
                f"the master key {self.path} cannot be written ({error.strerror or error}); mend it, or name another place "
                "with --master-key-file"
            ) from error
        return keys


def _cipher(key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 15 ms, which a Neve without keys need not spend

    return AESGCM(key)
