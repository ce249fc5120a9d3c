// A receiver of webhooks as the JavaScript server SDK's readme has it: it prints its port, then one
// line of JSON for each event whose signature is right, and refuses the others.
import { createServer } from 'node:http';
import { WebhookReceiver } from 'livekit-server-sdk';

const [key, secret] = process.argv.slice(2);
const receiver = new WebhookReceiver(key, secret);

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  try {
    const body = Buffer.concat(chunks).toString('utf8');
    const event = await receiver.receive(body, request.headers.authorization);
    console.log(JSON.stringify({
      event: event.event,
      id: event.id,
      room: event.room?.name,
      identity: event.participant?.identity,
      track: event.track?.sid,
    }));
    response.writeHead(200).end();
  } catch (error) {
    console.error(String(error));
    response.writeHead(401).end();
  }
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
