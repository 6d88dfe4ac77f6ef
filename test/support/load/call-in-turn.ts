import { once } from 'node:events';
import { type Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';

/** Sends a request with a tenant's key. @returns what is wrong with the answer; undefined when it has the expected status */
type Call = (token: string, expected: number, path: string, body?: object) => Promise<string | undefined>;

/** Calls instances in turn, as a load balancer does. @param urls of those that run now */
export function callInTurn(urls: () => readonly string[], agent: Agent): Call {
  let calls = 0;
  return async (token, expected, path, body) => {
    const running = urls();
    const sent = request(`${running[(calls += 1) % running.length]}${path}`, {
      ...{ agent, method: body ? 'POST' : 'GET' },
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    });
    sent.end(body && JSON.stringify(body));
    const [response] = await once(sent, 'response');
    const content = await text(response);
    return response.statusCode === expected ? undefined : `${response.statusCode} ${content}`;
  };
}
