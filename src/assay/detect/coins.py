"""Checksums of addresses and keys of crypto currencies: Base58Check and Bech32."""

from __future__ import annotations

from hashlib import sha256

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RIPPLE = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32M = 0x2BC830A3


def base58check(text: str, alphabet: str = _BASE58) -> bytes:
    """The payload of a Base58Check text with its version byte; empty where the checksum is wrong.

    Source: Bitcoin wiki, Base58Check encoding: four bytes of a double SHA-256 at the end.
    """
    number = 0
    for sign in text:
        place = alphabet.find(sign)
        if place < 0:
            return b""
        number = number * 58 + place
    zeros = len(text) - len(text.lstrip(alphabet[0]))
    data = b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
    return data[:-4] if sha256(sha256(data[:-4]).digest()).digest()[:4] == data[-4:] and len(data) > 4 else b""


def bitcoin_like(address: str) -> bool:
    """Addresses of Bitcoin, Litecoin, Dogecoin and Tron by their version byte."""
    payload = base58check(address)
    return len(payload) == 21 and payload[0] in (0x00, 0x05, 0x30, 0x32, 0x1E, 0x16, 0x41)


def ripple(address: str) -> bool:
    payload = base58check(address, _RIPPLE)
    return len(payload) == 21 and payload[0] == 0


def wallet_key(text: str) -> bool:
    """A private key in wallet import format, for compressed public keys or not."""
    payload = base58check(text)
    return payload[:1] == b"\x80" and (len(payload) == 33 or (len(payload) == 34 and payload[-1] == 1))


def extended_key(text: str) -> bool:
    """A private key of BIP 32 with its chain code."""
    return len(base58check(text)) == 78


def bech32(address: str) -> bool:
    """Whether the checksum of BIP 173 or BIP 350 is right; upper or lower case, not both."""
    if address not in (address.lower(), address.upper()):
        return False
    prefix, _, data = address.lower().rpartition("1")
    values = [ord(sign) >> 5 for sign in prefix] + [0] + [ord(sign) & 31 for sign in prefix]
    for sign in data:
        place = _BECH32.find(sign)
        if place < 0:
            return False
        values.append(place)
    return bool(prefix) and len(data) >= 6 and _polymod(values) in (1, _BECH32M)


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            if top >> bit & 1:
                check ^= generator
    return check
