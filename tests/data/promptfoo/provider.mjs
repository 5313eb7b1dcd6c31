// Gives the recorded answers, each with what it took.
import { readFileSync } from "node:fs";

const answers = JSON.parse(readFileSync(new URL("answers.json", import.meta.url), "utf8"));

export default class Recorded {
  id() {
    return "recorded";
  }

  async callApi(prompt) {
    const { content, milliseconds, tokens, finish_reason } = answers[Number(prompt)];
    return {
      output: content,
      latencyMs: milliseconds,
      cost: tokens / 1e6,
      finishReason: finish_reason,
    };
  }
}
