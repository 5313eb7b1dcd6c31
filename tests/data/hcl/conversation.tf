module "conversation" {
  source = "path/to/modules/chat_completion"
  
  model = "gpt-4o"
  
  messages = [
    {
      role    = "system"
      content = "You are a helpful assistant that provides concise responses."
    },
    {
      role    = "user"
      content = "Hello, how are you?"
    },
    {
      role    = "assistant"
      content = "I'm doing well, thank you for asking! How can I assist you today?"
    },
    {
      role    = "user"
      content = "Can you recommend a book?"
    }
  ]
  
  temperature = 0.8
}

output "recommendation" {
  value = module.conversation.content
}
