// Gives back what it got; nothing at all when the event asks for that.
export const handler = async (event) => (event.nothing ? undefined : { received: event });
