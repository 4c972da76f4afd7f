import type { Channel } from '../transport/channel.ts';
import { listen } from '../transport/listener.ts';

/** A listener on a free loopback port whose connections are channels. */
export interface ChannelServer {
  readonly port: number;
  close(): Promise<void>;
}

export async function serveChannels(onConnection: (channel: Channel) => void): Promise<ChannelServer> {
  const open = new Set<Channel>();
  const listener = await listen({
    address: '127.0.0.1',
    port: 0,
    mayAccept: () => true,
    onConnection: (channel) => {
      open.add(channel);
      channel.onClosed(() => open.delete(channel));
      onConnection(channel);
    },
    onError: (error) => {
      throw error;
    },
  });
  return {
    port: listener.port,
    close: async () => {
      listener.close();
      for (const channel of open) channel.destroy();
    },
  };
}
