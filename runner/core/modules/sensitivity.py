"""What of a module is sensitive, in whichever of its instances."""

from runner.core.expressions.template import Hole, Node, holes
from runner.core.modules.module import CompiledModule, Declared
from runner.core.values import Ref


class Sensitivity:
    """Which references of a module lead to what is sensitive. No instance is needed for it.

    `call` is the block that calls the module, and `outer` has what is sensitive around it.
    """

    def __init__(
        self,
        module: CompiledModule,
        call: Declared | None = None,
        outer: "Sensitivity | None" = None,
    ) -> None:
        self._module, self._call, self._outer = module, call, outer
        self._known: dict[Ref, bool] = {}
        self._inner: dict[str, Sensitivity] = {}

    def inner(self, call: Declared) -> "Sensitivity":
        """The same of a module that is called here; KeyError if it could not be read."""
        if call.name not in self._inner:
            self._inner[call.name] = Sensitivity(self._module.children[call.name], call, self)
        return self._inner[call.name]

    def masks_any(self, node: Node) -> bool:
        """Whether any hole of a value shows something sensitive."""
        return any(self.masks(hole) for hole in holes(node))

    def masks(self, hole: Hole) -> bool:
        """Whether a hole shows something sensitive."""
        return any(self.of(ref) for ref in hole.refs)

    def of(self, ref: Ref) -> bool:
        """Whether a reference leads to a sensitive value. Answers do not: they are redacted."""
        if ref not in self._known:
            self._known[ref] = False  # a value that names itself
            self._known[ref] = self._of(ref)
        return self._known[ref]

    def _of(self, ref: Ref) -> bool:
        match ref[0]:
            case "env":
                return True
            case "var" if len(ref) > 1 and ref[1] in self._module.variables:
                return self._of_variable(str(ref[1]))
            case "local" if len(ref) > 1 and ref[1] in self._module.locals:
                return self.masks_any(self._module.locals[str(ref[1])].node)
            case "module" if len(ref) > 1:
                return self._of_module(ref)
        return False

    def _of_variable(self, name: str) -> bool:
        if self._module.variables[name].block.table.get("sensitive") is True:
            return True
        if self._call is None or self._outer is None:
            return False
        node = self._call.params.get(name)
        return node is not None and self._outer.masks_any(node)

    def _of_module(self, ref: Ref) -> bool:
        """A reference that names no output may lead to each of them."""
        call = self._module.calls[str(ref[1])]
        if call.name not in self._module.children:
            return False
        inner, outputs = self.inner(call), self._module.children[call.name].outputs
        named = ref[3 if call.repeated else 2 :][:1]
        return any(
            value.block.table.get("sensitive") is True or inner.masks_any(value.node)
            for value in (
                [outputs[str(named[0])]] if named and named[0] in outputs else outputs.values()
            )
        )
