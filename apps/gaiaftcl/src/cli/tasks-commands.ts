import type { Task, TaskStatus } from "@gaiaftcl/cortex";
import { type Command, Option } from "commander";
import { wholeNumber } from "./argument-parsers.js";
import { nowNs, withTasks } from "./cell-logs.js";
import { CommandError } from "./command-error.js";
import type { RunCommand } from "./run-command.js";
import type { Session } from "./session.js";

/** `tasks …`: the operators' list of what is to be done, a CortEX model on a RedEX log. */
export function addTasksCommands(program: Command, run: RunCommand): void {
  const tasks = program.command("tasks").description("the task list of this cell's operators");
  tasks.command("add <title...>").description("add a task").action(run(add));
  tasks
    .command("list")
    .description("the tasks, the newest first")
    .addOption(new Option("--status <status>").choices(["pending", "completed"]))
    .option("--contains <text>", "with this in the title, whatever its case")
    .option("--limit <count>", "at most so many", wholeNumber)
    .action(run(list));
  tasks
    .command("complete <id>")
    .description("mark a task as done")
    .action(run((session, id: string) => change(session, id, "complete")));
  tasks
    .command("rename <id> <title...>")
    .description("give a task another title")
    .action(run((session, id: string, title: readonly string[]) => change(session, id, title)));
  tasks
    .command("remove <id>")
    .description("take a task off the list")
    .action(run((session, id: string) => change(session, id, "remove")));
}

async function add(session: Session, words: readonly string[]): Promise<void> {
  const task = await withTasks(session, (tasks) => {
    const [newest] = tasks.list({ orderBy: "id_desc", limit: 1 });
    const id = (newest?.id ?? 0n) + 1n;
    tasks.create(id, words.join(" "), nowNs());
    return tasks.list({ orderBy: "id_desc", limit: 1 })[0];
  });
  if (task !== undefined) reportTask(session, task);
}

async function list(
  session: Session,
  options: { readonly status?: TaskStatus; readonly contains?: string; readonly limit?: number },
): Promise<void> {
  const { status, contains, limit } = options;
  const found = await withTasks(session, (tasks) =>
    tasks.list({ status, titleContains: contains, limit, orderBy: "created_desc" }),
  );
  for (const task of found) reportTask(session, task);
  if (found.length === 0) session.output.remark("no tasks");
}

async function change(
  session: Session,
  text: string,
  how: "complete" | "remove" | readonly string[],
): Promise<void> {
  const id = BigInt(wholeNumber(text));
  const task = await withTasks(session, (tasks) => {
    const before = tasks.read.get(id);
    if (before === undefined) return undefined;
    if (how === "complete") tasks.complete(id, nowNs());
    else if (how === "remove") tasks.delete(id);
    else tasks.rename(id, how.join(" "), nowNs());
    return tasks.read.get(id) ?? before;
  });
  if (task === undefined)
    throw new CommandError("NOT_FOUND", `there is no task ${id}`, "tasks list");
  reportTask(session, task, how === "remove" ? "removed" : task.status);
}

function reportTask(session: Session, task: Task, state: string = task.status): void {
  const { id, title, createdNs, updatedNs } = task;
  session.output.result(
    {
      kind: "task",
      derived: {
        id,
        title,
        state,
        created_ns: createdNs.toString(),
        updated_ns: updatedNs.toString(),
      },
    },
    () => `${String(id).padStart(4)}  ${state.padEnd(9)}  ${title}`,
  );
}
