// Offers a procedure that other agents call, and refuses what it does not know with an error of its own.
import autobahn from 'autobahn';
import { connect } from './connect.js';

const tools = {
  reverse: ({ text }) => [...text].reverse().join(''),
  count: ({ text }) => text.length,
};

connect(async (session) => {
  await session.register('yamtam.agent.run-tool', async (_args, kwargs) => {
    const { tool, params } = kwargs;
    if (!Object.hasOwn(tools, tool)) {
      // The caller gets URI, args and kwargs as they are thrown here.
      throw new autobahn.Error('yamtam.error.unknown-tool', [`no tool called ${tool}`], { known: Object.keys(tools) });
    }
    return { result: tools[tool](params) };
  });
  console.log('ready');
});
