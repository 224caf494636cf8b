"""Asks `evidenced mcp` as an assistant would, through the Python SDK of the Model Context Protocol.

    mcp_client.py PROGRAM CONFIG < questions.json

Questions are a list of [tool, arguments]. Prints what was listed and answered, as JSON."""

import asyncio
import json
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main(program, config, questions):
    server = StdioServerParameters(command=program, args=["--config", config, "mcp"])
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        hello = await session.initialize()
        tools = await session.list_tools()
        answers = []
        for tool, arguments in questions:
            try:
                # The SDK holds structured answers against the tool's schema, if it has one.
                answer = await session.call_tool(tool, arguments)
            except Exception as error:  # What the protocol itself refuses.
                answers.append({"refused": str(error)})
                continue
            text = "".join(block.text for block in answer.content if block.type == "text")
            answers.append({"error": text} if answer.is_error else {"answer": answer.structured_content})
        listed = [
            {"name": tool.name, "schema": tool.input_schema, "read_only": tool.annotations.read_only_hint}
            for tool in tools.tools
        ]
        print(json.dumps({"server": hello.server_info.name, "told": hello.instructions, "tools": listed, "answers": answers}))


asyncio.run(main(sys.argv[1], sys.argv[2], json.load(sys.stdin)))
