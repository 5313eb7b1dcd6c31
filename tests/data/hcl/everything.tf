# A configuration that uses most of the language.
# Two lines of comment at the top.

terraform {
  required_version = ">= 1.5"
  required_providers {
    openai = { source = "example/openai" }
  }
}

provider "openai" {
  api_key = var.openai_api_key # never copied
}

provider "openai" {
  alias   = "azure"
  api_key = "sk-made-up"
  api_url = "https://example.invalid/v1"
}

variable "openai_api_key" {
  type      = string
  sensitive = true
}

variable "topic" {
  type        = string
  default     = "volcanoes {{ not a hole }}"
  description = "What to talk about"
  nullable    = false

  validation {
    condition     = length(var.topic) > 2 && !startswith(var.topic, "x")
    error_message = "The topic is too short."
  }
}

variable "people" {
  type    = map(object({ name = string, age = optional(number, 3) }))
  default = { alice = { name = "Alice" }, bob = { name = "Bob" } }
}

variable "style" {
  type    = list(string)
  default = ["short", "plain"]
}

variable "maybe" {
  default = null
}

locals {
  persona = "You are a \"helpful\" assistant." // a persona
  rows    = csvdecode(file("${path.module}/data/people.csv"))
  /* several
   * lines */
  rules = join("\n", [for s in var.style : "- be ${s}"])
}

module "first-draft" {
  source = "../modules/chat_completion"

  # Chosen with care.
  model       = "gpt-4o" # the usual one
  temperature = var.careful ? 0 : 0.7
  stop        = null

  messages = [
    {
      role    = "system"
      content = local.persona
    },
    {
      role    = "user"
      content = <<-EOT
        Tell me about ${upper(var.topic)}.
          Keep {{ this }} and {% that %}, "quotes", back\slashes and $${this}.
        %{~ for name, person in var.people }
        - ${name}: ${person.name}
        %{~ endfor }
        ${local.rules}
      EOT
    },
  ]

  lifecycle {
    prevent_destroy       = true
    create_before_destroy = true
    ignore_changes        = [temperature, "seed"]
    postcondition {
      condition     = self.finish_reason == "stop"
      error_message = "It did not stop."
    }
  }
}

resource "openai_chat_completion" "review" {
  for_each = { for row in local.rows : row.name => row }
  provider = openai.azure
  model    = "gpt-4o"

  messages {
    role    = "user"
    content = "Greet ${each.key} of ${each.value.city}: ${module.first-draft.content}"
  }
  messages {
    role    = "user"
    content = templatefile("${path.module}/prompts/ask.tftpl", { topic = var.topic, n = 3 })
  }

  depends_on = [module.first-draft, data.openai_chat_completion.old]
}

resource "openai_chat_completion" "sample" {
  count       = 3
  model       = "gpt-4o"
  temperature = -1 + 1.5
  messages    = [{ role = "user", content = "Idea ${count.index + 1}" }]
  response_format = jsonencode({
    type        = "json_schema"
    json_schema = { name = "idea", schema = { type = "object", properties = { a = { default = null } } } }
  })
}

module "essay" {
  source = "./modules/essay"
  topic  = var.topic
  names  = toset(["a", "b", "a"])
}

data "openai_chat_completion" "old" {
  completion_id = "chatcmpl-1"
}

data "openai_chat_completions" "all" {
  limit    = 10
  metadata = { kind = "test" }
}

data "openai_chat_completion_messages" "said" {
  completion_id = openai_chat_completion.sample[0].id
}

output "answers" {
  value = {
    first   = module.first-draft.choices[0].message[0].content
    all     = openai_chat_completion.sample[*].content
    reviews = { for k, r in openai_chat_completion.review : k => r.content }
  }
}

output "essay" {
  value       = module.essay.text
  description = "The essay"
  sensitive   = true
  depends_on  = [module.essay]
}

output "old" {
  value = jsondecode(data.openai_chat_completion.old.choices[0].message[0].content)["answer"]
}

moved {
  from = module.draft
  to   = module.first-draft
}

resource "aws_instance" "web" {
  ami = "ami-1"
}
# the end
