# SPDX-License-Identifier: Apache-2.0
"""How pytest-xdist spreads the tests over processes: what shares a guest stays in one, and what takes long begins first."""
import functools
import re

from xdist.scheduler.loadscope import LoadScopeScheduling

# Node IDs, longest work first. Tests that match one expression with the same groups run in one process, because they share
# a module's fixture; what matches none runs anywhere, after all these. Whatever is wrong here costs time and nothing else.
TOGETHER = [re.compile(r"cases/test_" + pattern) for pattern in (
    r"matrix\.py::test_run$",  # the other tests of the matrix come last, when it is there
    r"tdxemu\.py::(test_container_image)",
    r"(?:conformance\.py|tdxemu\.py::test_shapes)",
    r"nested_kvm\.py",
    r"layers\.py",
    r"slow\.py::(\w+)",
    r"measure\.py",
    r"covers\.py",
    r"td\.py",
    r"(reproducible|vocabulary)\.py::test_(?:a_new|init|prog)",
    r"tdxemu\.py::.*\[(?:.*-)?(passthrough|ve)\b",
    r"tdxemu\.py::test_(?:a_page|conv|dev|shared_alias|local|notice)",
    r"grub\.py",
    r"tdxemu\.py::(\w+)",
    r"(?:matrix|isolation)\.py::(test_unpriv|test_weak)",
    r"library\.py",
    r"td_host\.py",
    r"faults\.py::(\w+)",
    r"(hops|engines|certificates|token)\.py",
)]


@functools.cache
def together(nodeid):
    """What is the same for tests that stay together; a lower one comes earlier."""
    for i, pattern in enumerate(TOGETHER):
        if found := pattern.match(nodeid):
            return (i, *found.groups())
    return (len(TOGETHER), nodeid)


class LongestFirst(LoadScopeScheduling):
    """A process gets what takes longest of what is left."""

    def _split_scope(self, nodeid):
        return together(nodeid)

    def _assign_work_unit(self, node):
        self.workqueue.move_to_end(min(self.workqueue, key=lambda scope: scope[0]), last=False)
        super()._assign_work_unit(node)
