module "chat_with_functions" {
  source = "path/to/modules/chat_completion"
  
  model = "gpt-4"
  
  messages = [
    {
      role    = "system"
      content = "You are an assistant that can call functions to get information."
    },
    {
      role    = "user"
      content = "What's the weather in San Francisco?"
    }
  ]
  
  functions = [
    {
      name        = "get_weather"
      description = "Get the current weather in a location"
      parameters  = jsonencode({
        type = "object",
        properties = {
          location = {
            type        = "string",
            description = "The city and state, e.g. San Francisco, CA"
          },
          unit = {
            type = "string",
            enum = ["celsius", "fahrenheit"]
          }
        },
        required = ["location"]
      })
    }
  ]
  
  function_call = "auto"
}

output "function_call" {
  value = module.chat_with_functions.function_call
}
