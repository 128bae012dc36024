# SPDX-License-Identifier: Apache-2.0
"""Intel TDX quotes verified offline by libtception: the answers of `tception quote verify --json`, as dicts."""
import ctypes
import json
import os
import time

__all__ = ["Error", "Verifier", "measurements", "version"]


class Error(Exception):
    """What the library could not do; `code` is a negative errno."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class _Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("text", ctypes.c_char * 480)]


class _Answer(ctypes.Structure):
    _fields_ = [("accepted", ctypes.c_int), ("authentic", ctypes.c_int), ("origin", ctypes.c_char_p), ("status", ctypes.c_char_p),
                ("reason_code", ctypes.c_char_p), ("reason", ctypes.c_char_p), ("json", ctypes.c_char_p)]


_pointer, _text, _size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
_answer = ctypes.POINTER(_Answer)
_library = ctypes.CDLL(os.environ.get("TCEPTION_LIBRARY", "libtception.so.0"))


def _bind(name, result, *arguments):
    function = getattr(_library, "tception_" + name)
    function.restype, function.argtypes = result, arguments
    return function


def _bind_failing(name, *arguments):
    """A function that returns a code and takes a struct tception_error last."""
    function = _bind(name, ctypes.c_int, *arguments, ctypes.POINTER(_Error))

    def call(*values):
        error = _Error()
        code = function(*values, ctypes.byref(error))
        if code < 0:
            raise Error(code, error.text.decode(errors="replace"))
    return call


_version = _bind("version", _text)
_verifier_new = _bind_failing("verifier_new", _text, ctypes.POINTER(_pointer))
_verifier_free = _bind("verifier_free", None, _pointer)
_verifier_add = _bind_failing("verifier_add", _pointer, _text, _size)
_verifier_policy = _bind_failing("verifier_policy", _pointer, _text, _size)
_verify = _bind_failing("verify", _pointer, _text, _size, _text, ctypes.c_int64, ctypes.POINTER(_answer))
_answer_free = _bind("answer_free", None, _answer)
_quote_measurements = _bind_failing("quote_measurements", _text, _size, ctypes.POINTER(_pointer))
_text_free = _bind("text_free", None, _pointer)


def version():
    """Of the library, as "0.1"."""
    return _version().decode()


class Verifier:
    """Trust anchors, collateral and a policy; for one thread at a time. Remembers what it has verified."""

    def __init__(self, test_root=None, policy=None):
        """`test_root`: PEM, bytes, for emulated quotes; `policy`: a dict with the keys of `quote verify --policy`."""
        self._handle = _pointer()
        _verifier_new(test_root, ctypes.byref(self._handle))
        if policy is not None:
            text = json.dumps(policy).encode()
            _verifier_policy(self._handle, text, len(text))

    def __del__(self):
        if getattr(self, "_handle", None):
            _verifier_free(self._handle)

    def add(self, collateral):
        """One file of collateral, bytes; Error when it is nothing of the kind."""
        _verifier_add(self._handle, collateral, len(collateral))

    def verify(self, quote, at=None, name="quote"):
        """What is so of a quote (bytes, in any form) at a time (seconds since 1970, else now). A refusal is an answer, too."""
        answer = _answer()
        _verify(self._handle, quote, len(quote), name.encode(), int(time.time() if at is None else at), ctypes.byref(answer))
        try:
            return json.loads(answer.contents.json)
        finally:
            _answer_free(answer)


def measurements(quote):
    """What a TDX quote (bytes, in any form) says of its trust domain, not verified; Error when it is none."""
    text = _pointer()
    _quote_measurements(quote, len(quote), ctypes.byref(text))
    try:
        return json.loads(ctypes.string_at(text))
    finally:
        _text_free(text)
