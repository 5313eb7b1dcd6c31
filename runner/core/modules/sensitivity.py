"""What of a module is sensitive, in whichever of its instances."""

from runner.core.expressions.template import Hole, Node, holes
from runner.core.modules.module import CompiledModule, Declared
from runner.core.values import TRANSCRIPT, Ref


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
        self._known: dict[tuple[Ref, bool], bool] = {}
        self._any: bool | None = None
        self._inner: dict[str, Sensitivity] = {}

    def inner(self, call: Declared) -> "Sensitivity":
        """The same of a module that is called here; KeyError if it could not be read."""
        if call.name not in self._inner:
            self._inner[call.name] = Sensitivity(self._module.children[call.name], call, self)
        return self._inner[call.name]

    def masks_any(self, node: Node, *, quoted: bool = True) -> bool:
        """Whether any hole of a value shows something sensitive."""
        return any(self.masks(hole, quoted=quoted) for hole in holes(node))

    def masks(self, hole: Hole, *, quoted: bool = True) -> bool:
        """Whether a hole shows something sensitive."""
        return any(self.of(ref, quoted=quoted) for ref in hole.refs)

    def of(self, ref: Ref, *, quoted: bool = True) -> bool:
        """Whether a reference leads to a sensitive value. Answers do not: they are redacted; what
        they answer does, which a transcript quotes (not `quoted`: but for that).
        """
        if (ref, quoted) not in self._known:
            self._known[ref, quoted] = False  # a value that names itself
            self._known[ref, quoted] = self._of(ref, quoted) or (quoted and self._quotes(ref))
        return self._known[ref, quoted]

    def _quotes(self, ref: Ref) -> bool:
        """Whether a reference leads to a transcript of what was asked with something sensitive. Of
        a name that may stand for any answer, it may be any.
        """
        if TRANSCRIPT not in ref:
            return False
        if ref[0] != "completion" or ref[1] not in self._module.completions:
            return self.outermost.any_masked
        declared = self._module.completions[str(ref[1])]
        return ref[-1] == TRANSCRIPT and self._masks_messages(declared)

    def _masks_messages(self, declared: Declared) -> bool:
        nodes = (declared.params.get("messages"), declared.meta.get("extra_body"))
        return any(node is not None and self.masks_any(node) for node in nodes)

    @property
    def outermost(self) -> "Sensitivity":
        """That of the root module."""
        return self if self._outer is None else self._outer.outermost

    @property
    def any_masked(self) -> bool:
        """Whether any completion of this module or below it is asked with something sensitive."""
        if self._any is None:
            self._any = any(map(self._masks_messages, self._module.completions.values())) or any(
                self.inner(call).any_masked
                for call in self._module.calls.values()
                if call.name in self._module.children
            )
        return self._any

    def _of(self, ref: Ref, quoted: bool) -> bool:
        match ref[0]:
            case "env":
                return True
            case "var" if len(ref) > 1 and ref[1] in self._module.variables:
                return self._of_variable(str(ref[1]), quoted)
            case "local" if len(ref) > 1 and ref[1] in self._module.locals:
                return self.masks_any(self._module.locals[str(ref[1])].node, quoted=quoted)
            case "module" if len(ref) > 1:
                return self._of_module(ref, quoted)
        return False

    def _of_variable(self, name: str, quoted: bool) -> bool:
        if self._module.variables[name].block.table.get("sensitive") is True:
            return True
        if self._call is None or self._outer is None:
            return False
        node = self._call.params.get(name)
        return node is not None and self._outer.masks_any(node, quoted=quoted)

    def _of_module(self, ref: Ref, quoted: bool) -> bool:
        """A reference that names no output may lead to each of them."""
        call = self._module.calls[str(ref[1])]
        if call.name not in self._module.children:
            return False
        inner, outputs = self.inner(call), self._module.children[call.name].outputs
        named = ref[3 if call.repeated else 2 :][:1]
        return any(
            value.block.table.get("sensitive") is True or inner.masks_any(value.node, quoted=quoted)
            for value in (
                [outputs[str(named[0])]] if named and named[0] in outputs else outputs.values()
            )
        )
