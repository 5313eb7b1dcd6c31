# A module that is given what it says: blocks made of lists, and variables that may be null.
resource "openai_chat_completion" "reply" {
  model      = var.model
  max_tokens = var.max_tokens
  stop       = var.stop

  messages {
    role    = "system"
    content = "Answer in ${var.style.language}, ${var.style.tone}."
  }

  # the conversation so far
  dynamic "messages" {
    for_each = var.turns
    content {
      role    = messages.value["role"]
      content = messages.value.content
      name    = lookup(messages.value, "name", null)

      dynamic "function_call" {
        for_each = try(messages.value.function_call, null) == null ? [] : [messages.value.function_call]
        iterator = call
        content {
          name      = call.value.name
          arguments = call.value.arguments
        }
      }
    }
  }

  dynamic "functions" {
    for_each = var.functions != null ? var.functions : []
    content {
      name       = functions.value.name
      parameters = functions.value.parameters
    }
  }
}

resource "openai_chat_completion" "greetings" {
  model = var.model

  dynamic "messages" {
    for_each = { system = "Be kind.", user = "Greet ${var.turns[0].content}" }
    content {
      role    = messages.key
      content = messages.value
    }
  }
}

variable "model" {
  type = string
}

variable "style" {
  type = object({
    language = optional(string, "en")
    tone     = optional(string, "in \"plain\" words")
    examples = optional(list(string), [])
  })
  default = {}
}

variable "turns" {
  type = list(object({
    role    = string
    content = string
    name    = optional(string)
    function_call = optional(object({
      name      = string
      arguments = string
    }))
  }))

  validation {
    condition = alltrue([
      for turn in var.turns : contains(["user", "assistant"], turn.role) && turn.content != ""
    ])
    error_message = "A turn is the user's or the assistant's, and says something."
  }
}

variable "functions" {
  type    = list(object({ name = string, parameters = string }))
  default = null
}

variable "max_tokens" {
  type    = number
  default = null # as many as the model likes
}

variable "stop" {
  type     = list(string)
  default  = null
  nullable = true
}

output "said" {
  value = try(openai_chat_completion.reply.choices[0].message[0].content, "")
}
