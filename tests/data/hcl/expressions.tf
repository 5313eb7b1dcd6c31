# Every local is an expression; expressions.json holds what Terraform makes of it (1.15.5, and 1.11.4).

variable "name" {
  type    = string
  default = "Ada {{ x }} {% y %}"
}

variable "n" {
  type    = number
  default = 3
}

variable "yes" {
  type    = bool
  default = true
}

variable "list" {
  type    = list(string)
  default = ["b", "a", "b", "", "C"]
}

variable "people" {
  type = map(object({ age = number, tags = list(string) }))
  default = {
    zoe = { age = 30, tags = ["x"] }
    Al  = { age = 20, tags = [] }
    bob = { age = 40, tags = ["y", "z"] }
  }
}

variable "rows" {
  type    = list(object({ id = string, on = bool, deep = object({ k = number }) }))
  default = [{ id = "r1", on = true, deep = { k = 1 } }, { id = "r2", on = false, deep = { k = 2 } }]
}

locals {
  braces        = "{{ a }} {% b %} {# c #} {{{ d }}} $${e} %%{f} {"
  brace_hole    = "{${var.n}} {{${var.n}}}"
  percent       = "100%{ if var.yes } yes%{ else } no%{ endif } %"
  escapes       = "tab\tquote\"back\\slash\nline \u00e9 'single' \"\"\" '''"
  alone         = "${var.n}"
  whole_list    = "${var.list}"
  mixed         = "n=${var.n} yes=${var.yes} f=${0.5} x=${var.name}"
  sum           = 1 + 2 * 3 - var.n
  grouped       = (1 + 2) * (var.n - 1)
  minus         = -var.n + 10
  minus_group   = 10 - (4 - var.n)
  modulo        = 7 % var.n
  comparison    = var.n >= 3 && !(var.n > 5) || var.n == 0
  logic         = var.yes && (false || !false)
  equal_chain   = (var.n == 3) == true
  not_equal     = var.n != 3
  ternary       = var.n > 2 ? "big" : var.n > 1 ? "mid" : "small"
  ternary_sum   = (var.yes ? 1 : 2) + 10
  index         = var.list[1]
  index_sum     = var.list[var.n - 3]
  key           = var.people["zoe"].age
  attribute     = var.people.bob.tags[1]
  legacy        = var.rows.0.id
  splat         = var.rows[*].id
  splat_deep    = var.rows[*].deep.k
  old_splat     = var.rows.*.id
  list          = [1, "two", true, [3], { a = 4 }]
  object        = { a = 1, "b c" = var.n, (var.list[0]) = "computed" }
  object_index  = { a = 1, b = 2 }["b"]
  upper         = upper("abc")
  lower         = lower("ABC")
  join          = join(", ", var.list)
  join_two      = join("-", ["x"], ["y"])
  length_list   = length(var.list)
  length_text   = length("four")
  length_map    = length(var.people)
  trimspace     = trimspace("  x \n")
  trim          = trim("xxhixx", "x")
  trimprefix    = trimprefix("prefix-a", "prefix-")
  trimsuffix    = trimsuffix("a.txt", ".txt")
  chomp         = chomp("x\n\n")
  split         = split(",", "a,b,c")
  split_index   = split(",", "a,b,c")[1]
  replace       = replace("a-b-c", "-", "+")
  format        = format("%s has %d and 100%%", "x", 3)
  format_value  = format("%v/%v", "x", 3)
  format_bool   = format("%v and %s", var.yes, false)
  format_marks  = format("{%s} 100%%v %d{{", "x", 4 / 2)
  format_alone  = format("%s", 5)
  format_plain  = format("50%%")
  substr        = substr("hello", 1, 3)
  substr_rest   = substr("hello", 2, -1)
  contains      = contains(var.list, "a")
  contains_not  = !contains(var.list, "zz")
  keys          = keys(var.people)
  values        = values(var.people)[*].age
  lookup        = lookup({ a = 1 }, "b", 9)
  lookup_there  = lookup({ a = 1 }, "a", 9)
  element       = element(["a", "b", "c"], 4)
  coalesce      = coalesce("", "x", "y")
  concat        = concat([1], [2, 3], [])
  merge         = merge({ a = 1, b = 1 }, { b = 2 }, { c = 3 })
  distinct      = distinct(var.list)
  sort          = sort(["b", "C", "a"])
  reverse       = reverse([1, 2, 3])
  slice         = slice(["a", "b", "c"], 1, 3)
  compact       = compact(var.list)
  max           = max(1, var.n, 2)
  min_spread    = min([4, 2, 8]...)
  abs           = abs(-4)
  ceil          = ceil(1.2)
  floor         = floor(1.8)
  sum_list      = sum([1, 2, 3])
  range         = range(3)
  parseint      = parseint("ff", 16)
  tonumber      = tonumber("12")
  tobool        = tobool("true")
  tostring      = "v${tostring(var.yes)}"
  tostring_num  = tostring(5)
  number_text   = "${1.0} ${1e3} ${1.5} ${-2.0}"
  bool_text     = upper("is ${var.yes}")
  bool_joined   = join(",", [true, false])
  bool_string   = "${tostring(false)}!"
  starts        = startswith("hello", "he")
  ends          = endswith("hello", "lo")
  strcontains   = strcontains("hello", "ell")
  strrev        = strrev("abc")
  indent        = indent(2, "a\nb\n\nc")
  jsonencode    = jsonencode({ a = [1, true, null, "x"] })
  jsondecode    = jsondecode("{\"a\": {\"b\": [1]}}").a.b[0]
  alltrue       = alltrue([true, true])
  anytrue       = anytrue([false, true])
  try           = try(var.rows[0].deep.missing, "fallback")
  try_deep      = try(var.rows[9].deep.missing[0].more, "fallback")
  one           = one(["single"])
  toset         = toset(["b", "a", "b"])
  sha256        = sha256("abc")
  file          = file("${path.module}/data/line.txt")
  file_json     = jsondecode(file("data/facts.json")).a[1]
  csv           = csvdecode(file("data/people.csv"))[1].city
  csv_keyed     = { for row in csvdecode(file("${path.module}/data/people.csv")) : row.name => row }
  for_same      = [for x in var.list : x]
  for_attr      = [for r in var.rows : r.deep.k]
  for_filter    = [for r in var.rows : r.id if r.on]
  for_reject    = [for r in var.rows : r.id if !r.on]
  for_equal     = [for r in var.rows : r.id if r.id != "r1" && r.deep.k >= 2]
  for_items     = [for x in var.list : x if x != ""]
  for_upper     = [for x in var.list : upper(x)]
  for_nested    = [for r in var.rows : upper("${r.id}")]
  for_map       = [for p in var.people : p.age]
  for_keys      = [for name, p in var.people : name if p.age > 20]
  for_values    = [for name, p in var.people : p.age]
  join_for      = join("; ", [for r in var.rows : "${r.id}=${r.deep.k}"])
  join_for_if   = join("\n", [for name, p in var.people : "${name} (${p.age})" if p.age >= 30])
  inline_for    = "Ages:%{ for name, p in var.people } ${name}=${p.age}%{ endfor }."
  nested_text   = "a ${var.yes ? "b ${var.n} c" : "d"} e"
  local_use     = "${local.upper}-${local.list[1]}"
  heredoc       = <<EOT
  two spaces ${var.n}
	tab "quoted" back\slash $${kept} %%{kept}
EOT
  trimmed       = <<-EOT
    first ${upper("x")}
      deeper

    {{ not a hole }} {${var.n}}
  EOT
  directives    = <<-EOT
    %{ for x in var.list ~}
    - ${x}
    %{ endfor ~}
    %{ if var.n > 2 }
    big
    %{ else }
    small
    %{ endif ~}
    end
  EOT
  stripped      = <<-EOT
    a
    %{~ for r in var.rows ~}
      ${r.id}
    %{~ endfor ~}
    z
  EOT
}

locals {
  turns          = [{ by = "user", text = "hi", note = null }, { by = "assistant", text = "{{ hello }}", note = "n" }]
  styles         = { z = { tone = "dry" }, a = { tone = "warm", long = true } }
  unrolled       = [for x in ["b", "a"] : { role = "user", content = "Say ${x} ${var.n}" }]
  unrolled_at    = [for i, x in ["b", "a"] : "${i}: ${x}"]
  unrolled_map   = { for k, v in { z = 1, a = 2 } : "k-${k}" => v + 1 }
  unrolled_set   = [for x in toset(["b", "a", "b"]) : "x${x}"]
  unrolled_if    = [for i, x in ["a", "b", "c"] : x if x != "b" && true || false]
  unrolled_plain = [for x in ["a", "b", "c"] : x if x != "b"]
  unrolled_local = [for t in local.turns : { role = t.by, content = t.text, name = lookup(t, "note", null) }]
  unrolled_keys  = [for k, v in local.styles : "${k} is ${v["tone"]}, ${lookup(v, "long", false)}"]
  unrolled_test  = [for x in [1, 2] : x == 1 ? "one" : "more"]
  unrolled_deep  = [for x in ["a", "b"] : [for y in ["c", "d"] : "${x}${y}"]]
  key_of_name    = [for role in ["x"] : { role = role, (role) = 1 }]
  all_in         = alltrue([for r in var.rows : contains(["r1", "r2"], r.id)])
  all_and        = alltrue([for r in var.rows : r.on && contains(["r1"], r.id)])
  all_or         = alltrue([for r in var.rows : r.on || r.deep.k == 2])
  any_and        = anytrue([for r in var.rows : r.on && r.deep.k == 2])
  any_or         = anytrue([for r in var.rows : r.id == "x" || !r.on])
  any_if         = anytrue([for r in var.rows : r.on if r.deep.k > 1])
  not_in         = [for r in var.rows : r.id if !contains(["r1"], r.id)]
  all_of_map     = alltrue([for name, p in var.people : p.age >= 20])
}

locals {
  made_tables    = [for r in var.rows : { role = r.id, content = "${r.deep.k}", on = r.on } if length(r.id) > var.n - 2]
  made_at        = [for i, r in var.rows : "${i}: ${r.id}"]
  made_lists     = flatten([for name, p in var.people : [for t in p.tags : "${name} ${t}"]])
  made_map       = { for r in var.rows : r.id => r.deep.k * 2 if r.on }
  made_map_keys  = { for name, p in var.people : upper(name) => { age = p.age } if p.age > 20 }
  made_map_at    = { for i, r in var.rows : "r${i}" => r.id }
  grouped_by     = { for r in var.rows : r.on ? "yes" : "no" => r.id... }
  grouped_at     = { for i, x in var.list : x => i... if x != "" }
  inline_at      = "%{ for i, x in ["a", "b"] }${i}${x} %{ endfor }"
  merge_spread   = merge([for r in var.rows : { (r.id) = r.on }]...)
  merge_null     = merge({ a = 1 }, null)
  flatten_deep   = flatten([[1, [2, [3]]], [], [4]])
  zipmap         = zipmap(["a", "b"], [1, 2])
  setproduct     = setproduct(["a", "b"], [1, 2], ["z"])
  setproduct_in  = [for x in ["y"] : setproduct([x], ["x"])]
  setunion       = setunion(["b", "a"], ["c", "a"])
  setsubtract    = setsubtract(["b", "a"], ["a"])
  setcommon      = setintersection(["b", "a", "c"], ["c", "b"], ["c"])
  chunklist      = chunklist(["a", "b", "c"], 2)
  base64         = base64encode("grüß")
  base64_back    = base64decode("Z3LDvMOf")
  md5            = md5("abc")
  regex          = regex("[a-z]+", "12 abc de")
  regex_groups   = regex("(\\d+)-(\\d+)", "at 12-34")
  regex_names    = regex("(?P<left>\\w+)=(?P<right>\\w+)", "a=b c=d").right
  regexall       = regexall("\\w=", "a=b c=d")
  regexall_group = regexall("(\\w)=(\\w)", "a=b c=d")
  can_regex      = can(regex("^a+$", "aaa")) && !can(regex("^a+$", "b"))
  replace_regex  = replace("ab-cd ef-gh", "/(\\w+)-(?P<b>\\w+)/", "$2_$${b}$$ \\")
  replace_plain  = replace("a/b", "/", "-")
  yaml           = yamldecode(file("data/facts.yaml")).list[1]
  files          = sort(fileset(path.module, "data/*.json"))
  files_in       = sort(fileset("${path.module}/data", "*.j*"))
  file_there     = [fileexists("data/facts.json"), fileexists("data/none.json")]
  basename       = basename("a/b/c.md")
  filemd5        = filemd5("data/line.txt")
  try_many       = try(var.rows[9].id, var.rows[8].id, "none")
  slice_part     = slice([1, 2, 3, 4], 1, 3)
}
