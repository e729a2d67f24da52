"""A contract that import-linter does not have: modules that need the standard library only.

A list of forbidden packages would be one new dependency behind; this one states what is allowed.
"""

import sys
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from typing_extensions import override


class StdlibOnlyContract(Contract):
    """No module below `modules` imports anything but the standard library and our own package."""

    type_name = "stdlib_only"

    modules = fields.ListField(subfield=fields.StringField())

    @override
    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        allowed = sys.stdlib_module_names | set(self.session_options["root_packages"])
        packages = cast("list[str]", self.modules)  # a declared field holds its value at run time
        found = sorted(
            f"{importer} -> {imported}"
            for package in packages
            for importer in {package} | graph.find_descendants(package)
            for imported in graph.find_modules_directly_imported_by(importer)
            if imported.partition(".")[0] not in allowed
        )
        return ContractCheck(kept=not found, metadata={"found": found})

    @override
    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["found"]:
            output.print_error(f"- {line}", bold=False)
