export async function main(event, context) {
  const { name } = JSON.parse(event.body);
  console.log(`saying hello for ${context.functionName}`);
  return { statusCode: 200, body: `Hello, ${name}!` };
}
