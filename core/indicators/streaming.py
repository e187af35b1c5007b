"""Writes of a kernel that go to memory past the caches: for a result so large that no cache holds it.

A plain write first reads the line of memory that it is about to change, and throws out of the cache what is still needed
there. To a result of a gigabyte that costs as much as all that was computed.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

# A line of memory: so many numbers of eight bytes.
LINE = 8


def _stream(_typing: Any, out: Any, of: Any, places: Any) -> Any:
    """Copy a LINE of float64 from the second of `places` in `of` to the first of them in `out`.

    Both arrays are flat and lie in one piece. Where it writes there must begin a line of memory. The thread itself reads what
    it wrote as always; another thread, once it has waited for this one.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        line = ir.VectorType(ir.DoubleType(), LINE)

        def place(number: int) -> Any:
            data = context.make_array(signature.args[number])(context, builder, arguments[number]).data
            at = builder.extract_value(arguments[2], number)
            return builder.bitcast(builder.gep(data, [at]), line.as_pointer())

        read = builder.load(place(1))
        read.align = 8
        written = builder.store(read, place(0), align=8 * LINE)
        once = builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
        written.set_metadata("nontemporal", once)
        return context.get_dummy_value()

    return types.void(out, of, places), generate


stream: Any = intrinsic(_stream)
